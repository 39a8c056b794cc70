import { breakable } from "./ui";

/**
 * The sign beside the door, and the one thing that stays from screen to screen: first a name in pencil, then being
 * looked at, then fixed, and lit when the address is live. It says nothing that the text does not say.
 */
export type Phase = "looking" | "waiting" | "securing" | "live" | "trouble";

export function Plaque({ name, phase, done = 0, of = 0 }: { name: string; phase: Phase; done?: number; of?: number }) {
  return (
    <div class={`plaque ${phase}`} aria-hidden="true">
      <svg class="lock" viewBox="0 0 20 20" width="20" height="20">
        <path
          class="shackle"
          d="M6.5 9V6.5a3.5 3.5 0 0 1 7 0V9"
          fill="none"
          stroke="currentColor"
          stroke-width="1.7"
          stroke-linecap="round"
        />
        <rect x="4" y="8.7" width="12" height="8.3" rx="2.4" fill="currentColor" />
      </svg>
      <bdi dir="ltr">{breakable(name)}</bdi>
      {of > 0 && (
        <span class="meter">
          {Array.from({ length: of }, (_, at) => (
            <i key={at} class={at < done ? "on" : ""} />
          ))}
        </span>
      )}
    </div>
  );
}
