/** What the address of the messages says. */
export type MessagesSearch = { list?: "suppressed"; state?: MessageState; to?: string; tag?: string; message?: string };

export const messageStates = ["QUEUED", "SENT", "DELIVERED", "BOUNCED", "FAILED", "SUPPRESSED"] as const;
export type MessageState = (typeof messageStates)[number];

const text = (value: unknown) => (typeof value === "string" && value ? value.slice(0, 254) : undefined);

export function readMessagesSearch(search: Record<string, unknown>): MessagesSearch {
  return {
    list: search.list === "suppressed" ? "suppressed" : undefined,
    state: messageStates.find((one) => one === search.state),
    to: text(search.to),
    tag: text(search.tag),
    message: text(search.message),
  };
}

export const messagesFilter = (search: MessagesSearch) => ({
  state: search.state ?? null,
  recipient: search.to ?? null,
  tags: search.tag ? [search.tag] : null,
});
