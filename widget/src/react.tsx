import { createElement, useEffect, useRef } from "react";
import "./element";
import type { NameplateConnect, Options } from "./element";

type Props = Omit<Options, "container"> & { open?: boolean };

/** `<Connect publicKey=… getToken={…} open onLive={…} />`: the element, with properties and handlers as React gives them. */
export function Connect({ open, ...options }: Props) {
  const element = useRef<NameplateConnect>(null);
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    const { current } = element;
    const hear = (type: string) => (event: Event) => {
      const name = `on${type.replace(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase())}` as "onLive";
      latest.current[name]?.((event as CustomEvent).detail);
      if (type === "live") latest.current.onSuccess?.((event as CustomEvent).detail);
    };
    const heard = types.map((type) => [`nameplate:${type}`, hear(type)] as const);
    for (const [type, listener] of heard) current?.addEventListener(type, listener);
    return () => heard.forEach(([type, listener]) => current?.removeEventListener(type, listener));
  }, []);
  const { publicKey, api, token, getToken, domain, mode, locale, theme } = options;
  return createElement("nameplate-connect", { ref: element, publicKey, api, token, getToken, domain, mode, locale, theme, open });
}

const types = ["ready", "step", "analysis", "record-status", "facet", "progress", "live", "action-required", "error", "close", "expired"];
