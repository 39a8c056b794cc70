import { act, renderHook, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { plain } from "#/test/render.tsx";
import { Confirm } from "./Confirm.tsx";
import { ConflictDialog } from "./ConflictDialog.tsx";
import { CopyButton } from "./CopyButton.tsx";
import { useCountdown } from "./Countdown.tsx";
import { ErrorCard } from "./ErrorCard.tsx";
import { HostName } from "./HostName.tsx";
import { relative } from "./RelativeTime.tsx";
import { SecretOnce } from "./SecretOnce.tsx";
import { upstreamInput, upstreamValues } from "./UpstreamFields.tsx";

describe("HostName", () => {
  test.each([
    ["shop.acme.co.uk", "acme.co.uk", "shop.", "acme.co.uk"],
    ["acme.com", "acme.com", "", "acme.com"],
    ["a.b.acme.com", "acme.com", "a.b.", "acme.com"],
  ])("%s has its registrable part in bold", (name, registrable, head, bold) => {
    const { container } = plain(<HostName name={name} registrable={registrable} />);
    expect(container.querySelector("b")?.textContent).toBe(bold);
    expect(container.querySelector("[dir=ltr]")?.textContent).toBe(head + bold);
  });

  test("an international name shows its Unicode form first and the A-label beneath", () => {
    plain(<HostName name="xn--bcher-kva.example" unicode="bücher.example" registrable="xn--bcher-kva.example" withALabel />);
    expect(screen.getByText("bücher.example")).toBeTruthy();
    expect(screen.getByText("xn--bcher-kva.example")).toBeTruthy();
  });
});

describe("CopyButton", () => {
  test("says what was copied", async () => {
    const user = userEvent.setup();
    const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
    plain(<CopyButton text="k7f2.edge.example." what="Value" />);
    await user.click(screen.getByRole("button", { name: "Copy Value" }));
    expect(write).toHaveBeenCalledWith("k7f2.edge.example.");
    expect(screen.getByRole("button", { name: "Copied: Value" })).toBeTruthy();
  });

  test("selects the text where the clipboard is refused", async () => {
    const user = userEvent.setup();
    vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new Error("denied"));
    const select = vi.spyOn(Selection.prototype, "selectAllChildren").mockImplementation(() => {});
    plain(
      <div data-copy-source>
        <code data-copy-text>value</code>
        <CopyButton text="value" what="Value" />
      </div>,
    );
    await user.click(screen.getByRole("button", { name: "Copy Value" }));
    expect(select).toHaveBeenCalledWith(screen.getByText("value"));
  });
});

describe("Confirm", () => {
  test("runs only when the name was typed, by Enter too", async () => {
    const user = userEvent.setup();
    const run = vi.fn();
    plain(
      <Confirm opened onClose={() => {}} title="Disconnect" name="shop.acme.com" action="Disconnect it" onConfirm={run}>
        1 live domain will stop.
      </Confirm>,
    );
    expect(screen.getByRole("button", { name: "Disconnect it" })).toHaveProperty("disabled", true);
    const field = screen.getByRole("textbox");
    await user.type(field, "shop.acme.co{Enter}");
    expect(run).not.toHaveBeenCalled();
    await user.type(field, "m{Enter}");
    expect(run).toHaveBeenCalledOnce();
  });

  test("Escape closes it", async () => {
    const user = userEvent.setup();
    const close = vi.fn();
    plain(
      <Confirm opened onClose={close} title="Revoke" action="Revoke it" onConfirm={() => {}}>
        text
      </Confirm>,
    );
    await user.keyboard("{Escape}");
    expect(close).toHaveBeenCalled();
  });
});

describe("ConflictDialog", () => {
  test("shows what differs and lets the person overwrite", async () => {
    const user = userEvent.setup();
    const overwrite = vi.fn();
    const fault = { message: "changed", changedBy: "Ana", current: { version: 9, name: "Shop" } };
    plain(
      <ConflictDialog conflict={{ fault, overwrite }} mine={{ name: "Store", slug: "store" }} onReload={() => {}} onClose={() => {}} />,
    );
    expect(screen.getByText(/Changed by Ana/)).toBeTruthy();
    expect(screen.getByText("Shop").tagName).toBe("DEL");
    await user.click(screen.getByRole("button", { name: "Overwrite" }));
    expect(overwrite).toHaveBeenCalled();
  });
});

describe("ErrorCard", () => {
  test("names the missing permission and the reference", () => {
    plain(<ErrorCard problem={{ faults: [{ code: "FORBIDDEN", message: "no", permission: "webhook.write" }], requestId: "01k9" }} />);
    expect(screen.getByRole("alert").textContent).toContain("webhook.write");
    expect(screen.getByText("01k9")).toBeTruthy();
  });

  test("leaves what stands at the fields to the fields", () => {
    plain(<ErrorCard fieldsShown problem={{ faults: [{ code: "INVALID", message: "Not a URL.", field: "url" }] }} />);
    expect(screen.getByRole("alert").textContent).toContain("Please check the marked fields.");
  });
});

test("a secret shown once goes when the person has stored it", async () => {
  const user = userEvent.setup();
  const stored = vi.fn();
  plain(<SecretOnce secret="npk_abc" what="API key" onStored={stored} />);
  expect(screen.getByText("npk_abc")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "I have stored it" }));
  expect(stored).toHaveBeenCalled();
});

test("times are relative, in both directions", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  const at = (seconds: number) => relative(new Date(now + seconds * 1000), now, "en");
  expect([at(-3), at(-150), at(-7_200), at(86_400 * 3)]).toEqual(["now", "2 min. ago", "2 hr. ago", "in 3 days"]);
  expect(relative(new Date(now + 86_400_000 * 14), now, "ar")).toBe("خلال أسبوعين");
});

test("a countdown counts and ends", () => {
  vi.useFakeTimers();
  try {
    const until = new Date(Date.now() + 65_000).toISOString();
    const { result } = renderHook(() => useCountdown(until));
    expect(result.current).toBe("1:05");
    act(() => {
      vi.advanceTimersByTime(5_000);
    });
    expect(result.current).toBe("1:00");
    act(() => {
      vi.advanceTimersByTime(61_000);
    });
    expect(result.current).toBeNull();
  } finally {
    vi.useRealTimers();
  }
});

test("an empty origin clears the upstream, and only a custom name is sent", () => {
  expect(upstreamInput(upstreamValues(null))).toEqual({ clearUpstream: true });
  const sent = upstreamInput({ ...upstreamValues(null), originUrl: " https://app.example.com " });
  expect(sent).toMatchObject({ upstream: { originUrl: "https://app.example.com", hostHeader: "CUSTOMER" } });
  expect(sent.upstream).not.toHaveProperty("customHost");
});
