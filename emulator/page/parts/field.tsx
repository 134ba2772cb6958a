// SPDX-License-Identifier: MIT
/** Form fields that are bound to a signal. */
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Bound {
  label: string;
  value: Signal<string>;
  /** Called after the user has changed it. */
  onEdit?: () => void;
  hint?: ComponentChildren;
}

export function TextField({ label, value, onEdit, hint, isNumber = false }: Bound & { isNumber?: boolean }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        inputMode={isNumber ? "numeric" : "text"}
        autocomplete="off"
        spellcheck={false}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
          onEdit?.();
        }}
      />
      {hint && <small>{hint}</small>}
    </div>
  );
}

export function TextArea({ label, value, onEdit, hint, rows = 3 }: Bound & { rows?: number }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={rows}
        spellcheck={false}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
          onEdit?.();
        }}
      />
      {hint && <small>{hint}</small>}
    </div>
  );
}

export function Select({
  label,
  value,
  onEdit,
  hint,
  options,
}: Bound & { options: readonly (readonly [string, string])[] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value.value}
        onChange={(event) => {
          value.value = event.currentTarget.value;
          onEdit?.();
        }}
      >
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
      {hint && <small>{hint}</small>}
    </div>
  );
}
