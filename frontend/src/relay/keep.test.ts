import { afterEach, beforeEach, expect, test, vi } from "vitest";

const page = async () => {
  vi.resetModules();
  return import("./keep.ts");
};
const touch = () => window.dispatchEvent(new Event("keydown"));
const told = (key: string, value: number) => {
  localStorage.setItem(key, String(value));
  window.dispatchEvent(new StorageEvent("storage", { key }));
};

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => vi.useRealTimers());

test("asks for more in the middle of the time that is left, while somebody works", async () => {
  const { lives } = await page();
  const refresh = vi.fn(async () => lives(Date.now() + 10_000, refresh));
  lives(Date.now() + 10_000, refresh);
  await vi.advanceTimersByTimeAsync(1_000);
  touch();
  await vi.advanceTimersByTimeAsync(3_900);
  expect(refresh).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  expect(refresh).toHaveBeenCalledOnce();
});

test("lets an untouched session end, and takes the last touch in time", async () => {
  const { lives } = await page();
  const refresh = vi.fn(async () => {});
  lives(Date.now() + 10_000, refresh);
  await vi.advanceTimersByTimeAsync(8_000);
  expect(refresh).not.toHaveBeenCalled();
  touch();
  await vi.advanceTimersByTimeAsync(1);
  expect(refresh).toHaveBeenCalledOnce();
});

test("does not ask when another tab did", async () => {
  const { lives } = await page();
  const refresh = vi.fn(async () => {});
  lives(Date.now() + 10_000, refresh);
  touch();
  await vi.advanceTimersByTimeAsync(4_000);
  told("np-session-until", Date.now() + 10_000);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(refresh).not.toHaveBeenCalled();
});

test("tries again when there was no network, and not when nobody is signed in", async () => {
  const { lives, ended } = await page();
  const refresh = vi.fn(async () => {
    throw new Error("no network");
  });
  lives(Date.now() + 60_000, refresh);
  await vi.advanceTimersByTimeAsync(1_000);
  touch();
  await vi.advanceTimersByTimeAsync(29_500);
  expect(refresh).toHaveBeenCalledOnce();
  await vi.advanceTimersByTimeAsync(5_100);
  expect(refresh).toHaveBeenCalledTimes(2);
  ended();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(refresh).toHaveBeenCalledTimes(2);
});
