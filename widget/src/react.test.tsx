import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import type { NameplateConnect } from "./element";
import { Connect } from "./react";

test("React gives properties, handlers and open as usual", async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  const [first, second] = [vi.fn(), vi.fn()];
  const getToken = async () => "good";
  const draw = (onLive: () => void, theme?: "dark") =>
    act(async () => root.render(createElement(Connect, { publicKey: "np_pk_mock", getToken, onLive, theme })));
  await draw(first);
  const element = place.querySelector("nameplate-connect") as NameplateConnect;
  expect(element.publicKey).toBe("np_pk_mock");
  expect(element.getToken).toBe(getToken);
  expect(element.hasAttribute("open")).toBe(false);
  await draw(second, "dark");
  expect(element.theme).toBe("dark");
  element.dispatchEvent(new CustomEvent("nameplate:live", { detail: { hostname: "shop.acme.lab" } }));
  expect(first).not.toHaveBeenCalled();
  expect(second).toHaveBeenCalledExactlyOnceWith({ hostname: "shop.acme.lab" });
  await act(async () => root.unmount());
  expect(place.childElementCount).toBe(0);
});
