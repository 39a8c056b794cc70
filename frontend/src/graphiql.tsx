import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./explorer/explorer.css";
import { createRoot } from "react-dom/client";
import { Explorer } from "./explorer/Explorer.tsx";
import { Operator } from "./explorer/Operator.tsx";
import { startI18n } from "./i18n/index.ts";

await startI18n("explorer", "keys");
document.documentElement.dataset.scheme = /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1] ?? "auto";

const slug = decodeURIComponent(location.pathname.split("/")[1] ?? "");
createRoot(document.getElementById("root")!).render(location.pathname === "/graphiql" ? <Operator /> : <Explorer slug={slug} />);
