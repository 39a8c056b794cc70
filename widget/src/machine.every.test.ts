import { describe, expect, test } from "vitest";
import { step } from "./machine";
import { check, checkStep, connection, finding, refusal, row, screens, session } from "./samples";
import type { Message } from "./state";

const messages: Message[] = [
  { type: "opened", domain: "", resume: "" },
  { type: "session", session },
  { type: "timeout" },
  { type: "failed", refusal },
  { type: "typed", text: "x" },
  { type: "submitted", hostname: "shop.acme.lab" },
  { type: "step", step: checkStep("delegation") },
  { type: "step", step: checkStep("result", "DONE", check) },
  { type: "accepted" },
  { type: "picked", row },
  { type: "connection", connection: { ...connection, version: 9 } },
  { type: "started", connection },
  { type: "acted", connection: { ...connection, version: 9 } },
  { type: "refused", refusal },
  { type: "refused", refusal: { ...refusal, code: "UNAUTHENTICATED" } },
  { type: "explained", code: "x", explain: finding("x").explain },
  { type: "added" },
  { type: "way", way: "DELEGATION" },
  { type: "again" },
  { type: "resolved", id: "cfl_1", resolution: "KEEP" },
  { type: "show", view: "manual" },
  { type: "another" },
  { type: "quiet" },
  { type: "link", link: "offline" },
  { type: "expired" },
  { type: "renew" },
  { type: "close" },
  { type: "stay" },
  { type: "leave" },
];

describe("every screen takes every message", () => {
  for (const [screen, state] of Object.entries(screens)) {
    test(screen, () => {
      expect(state.screen).toBe(screen);
      for (const message of messages) {
        const before = structuredClone(state);
        const [next] = step(state, message);
        expect(state, message.type).toEqual(before);
        // What a screen reads is there.
        if (["manual", "progress", "success"].includes(next.screen)) expect(next.connection, message.type).not.toBeNull();
        if (next.screen === "enter-domain") expect(next.session, message.type).not.toBeNull();
        if (next.screen === "error") expect(next.failure, message.type).not.toBeNull();
        if (next.screen === "problem" || next.screen === "analysis") expect(next.connection ?? next.analysis, message.type).not.toBeNull();
      }
    });
  }
});
