import { type CSSVariablesResolver, createTheme, type MantineColorSchemeManager } from "@mantine/core";

// Default props are plain objects under the component's name: importing the components themselves would pull them
// into the first chunk. What each setting repairs stands in docs: contrast, names of close buttons, roles of menus.
export const theme = createTheme({
  primaryColor: "brand",
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  respectReducedMotion: true,
  cursorType: "pointer",
  defaultRadius: "md",
  fontFamily:
    '"Inter Variable", Inter, -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", SFMono-Regular, "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  lineHeights: { xs: "1.4", sm: "1.5", md: "1.55", lg: "1.6", xl: "1.6" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.75rem", lineHeight: "1.25" },
      h2: { fontSize: "1.375rem", lineHeight: "1.3" },
      h3: { fontSize: "1rem", lineHeight: "1.4" },
      h4: { fontSize: "0.875rem", lineHeight: "1.45" },
    },
  },
  radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  colors: {
    brand: ["#eef2ff", "#dfe6fd", "#bccaf8", "#9db1f6", "#8aa2f4", "#6883ec", "#4a68e2", "#3853cf", "#2b47c4", "#2039a5"],
    gray: ["#f9f9fb", "#f3f3f6", "#e9e9ee", "#dedfe5", "#cbcdd5", "#a9adb8", "#7f8491", "#5c636a", "#3a3f47", "#17191d"],
    dark: ["#ececf1", "#c9cad1", "#a6a7ab", "#787a83", "#4a4d57", "#2f323a", "#23262d", "#17191e", "#101114", "#0a0b0d"],
  },
  components: {
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, shadow: "md" } },
    Portal: { defaultProps: { target: "#overlays" } },
    Modal: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Drawer: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    ModalCloseButton: { defaultProps: { "aria-label": "Close" } },
    DrawerCloseButton: { defaultProps: { "aria-label": "Close" } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Badge: { defaultProps: { variant: "dot" } },
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#ffffff",
    "--mantine-color-text": "#17191d",
    "--mantine-color-placeholder": "#5c636a",
    "--mantine-color-dimmed": "#5c636a",
    "--mantine-color-error": "#c92a2a",
    "--mantine-color-anchor": "#2b47c4",
    "--mantine-color-default-border": "#dedfe5",
  },
  dark: {
    "--mantine-color-body": "#101114",
    "--mantine-color-text": "#ececf1",
    "--mantine-color-placeholder": "#a6a7ab",
    "--mantine-color-dimmed": "#a6a7ab",
    "--mantine-color-error": "#ff8787",
    "--mantine-color-anchor": "#9db1f6",
    "--mantine-color-default": "#17191e",
    "--mantine-color-default-hover": "#1d2026",
    "--mantine-color-default-border": "#2f323a",
  },
});

type Scheme = "light" | "dark" | "auto";

const cookie = () => /(?:^|; )theme=(light|dark|auto)/.exec(document.cookie)?.[1] as Scheme | undefined;

/** The scheme lives in a cookie, so that the server can write it into the page and nothing flashes. */
export const schemeManager: MantineColorSchemeManager = {
  get: (fallback) => cookie() ?? (fallback as Scheme),
  set: (value) => {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari
    document.cookie = `theme=${value}; path=/; max-age=31536000; samesite=lax`;
  },
  subscribe: () => {},
  unsubscribe: () => {},
  clear: () => {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari
    document.cookie = "theme=; path=/; max-age=0; samesite=lax";
  },
};
