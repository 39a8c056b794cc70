import { Button } from "@mantine/core";
import { IconRadar2 } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AnalyseAgain_connection$key } from "#/relay/__generated__/AnalyseAgain_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { Analysis } from "./Analysis.tsx";

/** The whole analysis from the root down, told step by step while it runs. It changes nothing: the checks of the connection go on beside it. */
export function AnalyseAgain({ connection }: { connection: AnalyseAgain_connection$key }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const may = useCan("connection.check");
  const [run, setRun] = useState(0);
  const [running, setRunning] = useState(false);
  const data = useFragment(
    graphql`
      fragment AnalyseAgain_connection on Connection {
        id
        hostname
        isWildcard
        state
        application {
          id
        }
      }
    `,
    connection,
  );
  const application = data.application?.id;
  if (!may || !application || data.isWildcard || data.state === "ARCHIVED") return null;
  const start = () => {
    setRun(run + 1);
    setRunning(true);
  };
  return (
    <Card title={t("analyse.title")} text={run === 0 && t("analyse.text")}>
      {run > 0 && (
        <Analysis
          key={run}
          bare
          hostname={data.hostname}
          applicationId={application}
          onDone={() => setRunning(false)}
          onOpen={(id) => void navigate({ to: ".", params: (all: object) => ({ ...all, id }) })}
        />
      )}
      <Button
        mt={run > 0 ? "md" : 0}
        fullWidth
        variant="default"
        leftSection={<IconRadar2 size={16} aria-hidden />}
        loading={running}
        onClick={start}
      >
        {t(run === 0 ? "analyse.start" : "analyse.again")}
      </Button>
    </Card>
  );
}
