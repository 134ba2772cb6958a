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

/** A control with its label and hint. */
function Field({
  label,
  hint,
  control,
}: Omit<Bound, "value"> & { control: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {control(id)}
      {hint && <small>{hint}</small>}
    </div>
  );
}

/** Takes what the user has changed. */
function edited({ value, onEdit }: Bound) {
  return (event: { currentTarget: { value: string } }) => {
    value.value = event.currentTarget.value;
    onEdit?.();
  };
}

export function TextField({ isNumber = false, ...bound }: Bound & { isNumber?: boolean }) {
  return (
    <Field
      {...bound}
      control={(id) => (
        <input
          id={id}
          inputMode={isNumber ? "numeric" : "text"}
          autocomplete="off"
          spellcheck={false}
          value={bound.value.value}
          onInput={edited(bound)}
        />
      )}
    />
  );
}

export function TextArea({ rows = 3, ...bound }: Bound & { rows?: number }) {
  return (
    <Field
      {...bound}
      control={(id) => (
        <textarea id={id} rows={rows} spellcheck={false} value={bound.value.value} onInput={edited(bound)} />
      )}
    />
  );
}

export function Select({ options, ...bound }: Bound & { options: readonly (readonly [string, string])[] }) {
  return (
    <Field
      {...bound}
      control={(id) => (
        <select id={id} value={bound.value.value} onChange={edited(bound)}>
          {options.map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      )}
    />
  );
}
