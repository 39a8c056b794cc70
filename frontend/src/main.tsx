import "./security.ts";
import "./ui/mantine.css";
import "./ui/layers.css";
import { DirectionProvider, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { startI18n } from "./i18n/index.ts";
import { environment, RelayEnvironmentProvider } from "./relay/index.ts";
import { router } from "./router.tsx";
import { nonce } from "./security.ts";
import { Prompts } from "./shell/Session.tsx";
import { cssVariables, schemeManager, theme } from "./ui/theme.ts";

await startI18n();

createRoot(document.getElementById("root")!).render(
  <DirectionProvider>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      colorSchemeManager={schemeManager}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
      deduplicateInlineStyles
    >
      <RelayEnvironmentProvider environment={environment}>
        <Notifications position="bottom-right" limit={3} />
        <RouterProvider router={router} />
        <Prompts />
      </RelayEnvironmentProvider>
    </MantineProvider>
  </DirectionProvider>,
);
