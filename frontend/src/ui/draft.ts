import { type UseFormInput, type UseFormReturnType, useForm } from "@mantine/form";
import { useEffect, useState } from "react";

const PREFIX = "np-draft:";

function kept<V>(key: string): Partial<V> | null {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + key) ?? "null") as Partial<V> | null;
  } catch {
    return null;
  }
}

/**
 * A form whose contents survive a reload of this tab. Not for secrets. `forget` is for when it was sent; what is kept
 * names the version it was typed over, so that nothing old comes back over something new.
 */
export function useDraftForm<V extends Record<string, unknown>>(key: string, options: UseFormInput<V>): [UseFormReturnType<V>, () => void] {
  const [draft] = useState(() => kept<V>(key));
  const form = useForm<V>({
    ...options,
    onValuesChange: (values, previous) => {
      sessionStorage.setItem(PREFIX + key, JSON.stringify(values));
      options.onValuesChange?.(values, previous);
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the form appears
  useEffect(() => {
    if (draft) form.setValues(draft as Partial<V>);
  }, []);
  return [form, () => sessionStorage.removeItem(PREFIX + key)];
}
