import "@mantine/spotlight/styles.layer.css";
import { Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { IconHistory, IconMoon, IconPlus, IconSearch } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { labelOf, type NavEntry } from "./nav.ts";
import { recent } from "./recent.ts";

type Props = {
  entries: NavEntry[];
  base: string;
  go: (path: string, document?: boolean) => void;
  toggleScheme: () => void;
  connect: () => void;
};

/** Ctrl-K: every page of the sidebar, the last ten places, and what people do most. Loaded with the first press. */
export default function Palette({ entries, base, go, toggleScheme, connect }: Props) {
  const { t } = useTranslation();
  const places = recent().filter((place) => place.path.startsWith(base));
  const groups: SpotlightActionGroupData[] = [
    {
      group: t("palette.actions"),
      actions: [
        ...(base ? [{ id: "connect", label: t("nav.connect"), leftSection: <IconPlus size={17} />, onClick: connect }] : []),
        { id: "scheme", label: t("account.toggleScheme"), leftSection: <IconMoon size={17} />, onClick: toggleScheme },
      ],
    },
    {
      group: t("palette.pages"),
      actions: entries.map((entry) => ({
        id: entry.key,
        label: labelOf(t, entry),
        leftSection: <entry.icon size={17} />,
        rightSection: <kbd className="mono dim">g {entry.shortcut}</kbd>,
        onClick: () => go(`${base}/${entry.path}`, entry.document),
      })),
    },
  ];
  if (places.length > 0) {
    groups.push({
      group: t("palette.recent"),
      actions: places.map((place) => ({
        id: `recent:${place.path}`,
        label: place.label,
        leftSection: <IconHistory size={17} />,
        onClick: () => go(place.path),
      })),
    });
  }
  return (
    <Spotlight
      actions={groups}
      shortcut={null}
      nothingFound={t("palette.nothing")}
      overlayProps={{ backgroundOpacity: 0.36, blur: 1 }}
      scrollable
      maxHeight={420}
      limit={12}
      attributes={{ content: { "aria-label": t("palette.label") } }}
      searchProps={{
        leftSection: <IconSearch size={18} />,
        placeholder: t("palette.placeholder"),
        "aria-label": t("palette.placeholder"),
      }}
    />
  );
}
