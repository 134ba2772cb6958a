// SPDX-License-Identifier: MIT
/** A button that does something which takes time and may be refused; what the service says stays beside it. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

interface TaskProps {
  children: ComponentChildren;
  /** What is done; a text that it returns is shown. */
  run(): Promise<unknown>;
  kind?: "main" | "danger" | "plain" | "";
  /** Asked first, on the button itself. */
  confirm?: string;
  disabled?: boolean;
}

export function Task({ children, run, kind = "", confirm, disabled = false }: TaskProps) {
  const isBusy = useSignal(false);
  const isAsked = useSignal(false);
  const said = useSignal<{ text: string; bad: boolean } | undefined>(undefined);
  const start = async () => {
    if (confirm !== undefined && !isAsked.value) {
      isAsked.value = true;
      return;
    }
    isAsked.value = false;
    isBusy.value = true;
    try {
      const text = await run();
      said.value = typeof text === "string" ? { text, bad: false } : undefined;
    } catch (error) {
      said.value = { text: (error as Error).message, bad: true };
    }
    isBusy.value = false;
  };
  return (
    <span class="task">
      <button
        type="button"
        class={isAsked.value ? "danger" : kind}
        disabled={disabled || isBusy.value}
        onClick={start}
        onBlur={() => {
          isAsked.value = false;
        }}
      >
        {isAsked.value ? confirm : children}
      </button>
      <span role="status" class={said.value?.bad ? "problem" : "faint"}>
        {said.value?.text}
      </span>
    </span>
  );
}
