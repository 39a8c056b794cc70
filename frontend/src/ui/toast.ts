import { notifications } from "@mantine/notifications";

/** A short word that something worked. Failures stay where they happened. */
export function toast(message: string) {
  notifications.show({ message, autoClose: 2_800, withBorder: true });
}

/** A failure of something that has no place of its own on the page. */
export function toastFailure(message: string) {
  notifications.show({ message, autoClose: 8_000, color: "red.9", withBorder: true, role: "alert" });
}
