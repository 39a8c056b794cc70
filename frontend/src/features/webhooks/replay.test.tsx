import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { waiting } from "#/test/relay-test-utils.ts";
import { createMockEnvironment, plain, show } from "#/test/render.tsx";
import EnableDialog from "./EnableDialog.tsx";
import { ReplayProgress } from "./ReplayProgress.tsx";
import RotateDialog from "./RotateDialog.tsx";
import { Sparkline } from "./Sparkline.tsx";

test("the sparkline says its numbers, and draws an hour for each of 24", () => {
  const now = Date.parse("2026-11-21T10:30:00Z");
  const hours = [
    { at: "2026-11-21T08:00:00Z", attempts: 10, succeeded: 7 },
    { at: "2026-11-21T10:00:00Z", attempts: 2, succeeded: 2 },
    { at: "2026-11-19T10:00:00Z", attempts: 0, succeeded: 0 },
  ];
  const { container } = plain(<Sparkline hours={hours} now={now} />);
  expect(screen.getByRole("img", { name: "12 attempts in the last 24 hours, 3 failed" })).toBeTruthy();
  expect(container.querySelectorAll("title")).toHaveLength(2);
  expect(container.querySelectorAll("svg > *")).toHaveLength(24);
});

test("who enables is asked about what was missed, and can leave it", async () => {
  const environment = createMockEnvironment();
  const onStarted = vi.fn();
  show(<EnableDialog id="whk_1" onClose={vi.fn()} onStarted={onStarted} />, environment);
  await waitFor(() => expect(waiting(environment, "EnableDialogQuery")).toHaveLength(1));
  const webhookEndpoint = { __typename: "WebhookEndpoint", id: "whk_1", version: 3, missed: 7 };
  act(() => environment.mock.resolveMostRecentOperation({ data: { webhookEndpoint } }));
  await screen.findByText(/7 events were missed/);
  await userEvent.click(screen.getByRole("button", { name: "Resume only" }));
  const [enable] = waiting(environment, "EnableDialogMutation");
  expect(enable?.request.variables).toEqual({ input: { id: "whk_1", version: 3, status: "ENABLED", replayMissed: false } });
  expect(onStarted).not.toHaveBeenCalled();
});

test("a replay is asked about until nothing waits", async () => {
  const environment = createMockEnvironment();
  show(<ReplayProgress id="whk_1" at="2026-11-21T10:00:00Z" onClose={vi.fn()} />, environment);
  const answer = async (waits: number, failed: number) => {
    await waitFor(() => expect(waiting(environment, "ReplayProgressQuery")).toHaveLength(1), { timeout: 5_000 });
    const replay = { queued: 10, waiting: waits, succeeded: 10 - waits - failed, failed };
    const webhookEndpoint = { __typename: "WebhookEndpoint", id: "whk_1", replay };
    act(() => environment.mock.resolve(waiting(environment, "ReplayProgressQuery")[0]!, { data: { webhookEndpoint } }));
  };
  await answer(6, 0);
  expect(await screen.findByRole("progressbar", { name: "4 of 10 deliveries" })).toHaveProperty("value", 4);
  await answer(0, 1);
  expect((await screen.findByRole("status")).textContent).toContain("10 of 10 deliveries · 1 failed");
  expect(waiting(environment, "ReplayProgressQuery")).toHaveLength(0);
});

test("a rotated secret is shown, with how long the former one counts", async () => {
  const environment = createMockEnvironment();
  show(<RotateDialog id="whk_1" onClose={vi.fn()} />, environment);
  await userEvent.selectOptions(await screen.findByLabelText("The present secret signs along"), "0");
  await userEvent.click(screen.getByRole("button", { name: "Rotate" }));
  const [rotate] = waiting(environment, "RotateDialogMutation");
  expect(rotate?.request.variables).toEqual({ id: "whk_1", overlapHours: 0 });
});
