import { useState } from "preact/hooks";
import { isolated, tell } from "../details/words";
import { likely } from "../records";
import { Button, useUi } from "../ui";
import { Lines } from "./lines";

/** The other one of www and the domain itself: it can be taken along, and then it has records of its own. */
export function Beside() {
  const { state, send, language } = useUi();
  const [chosen, choose] = useState<Record<string, string>>({});
  const pair = state.connection!.companion;
  const other = state.companion;
  if (!pair || (!pair.connection && !state.session?.scopes.includes("START"))) return null;
  const on = other?.state === "LIVE";
  return (
    <section class="beside" aria-labelledby="beside">
      <h3 id="beside" dir="ltr">
        {pair.unicodeName}
      </h3>
      <p>{tell(language, pair.connection ? (on ? "beside.on" : "beside.add") : "beside.offer", isolated(pair.redirectTo))}</p>
      {!pair.connection && (
        <Button busy={state.busy} onClick={() => send({ type: "along" })}>
          {tell(language, "beside.take", isolated(pair.unicodeName))}
        </Button>
      )}
      {other && !on && (
        <Lines
          records={other.records}
          picked={(group, alternatives) => chosen[group] ?? likely(alternatives)}
          choose={(group, id) => choose({ ...chosen, [group]: id })}
        />
      )}
    </section>
  );
}
