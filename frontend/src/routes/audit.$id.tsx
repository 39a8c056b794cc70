import { createFileRoute, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { AuditRow } from "#/features/audit/AuditView.tsx";
import { Part } from "#/shell/States.tsx";
import { PageHeader } from "#/ui/Page.tsx";

export const Route = createFileRoute("/audit/$id")({
  staticData: { texts: ["operate", "audit"] },
  component: function OneAudit() {
    const { t } = useTranslation();
    const { id } = Route.useParams();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("audit.one")} title={t("audit.one")} crumbs={<Link to="/audit">{t("operate.nav.audit")}</Link>} />
        <Part what={t("audit.one")}>
          <AuditRow id={id} operator onSearch={(search) => void navigate({ to: "/audit", search })} />
        </Part>
      </>
    );
  },
});
