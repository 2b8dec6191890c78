/** A choice of one among some. */
import { useId } from "preact/hooks";
import type { JSX } from "preact";

export interface SelectOption<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly isDisabled?: boolean | undefined;
  /** Options of one group stand together under its name. */
  readonly group?: string | undefined;
}

export interface SelectProps<T extends string> {
  readonly label: string;
  /** Whether the label is for screen readers only. Default false. */
  readonly isLabelHidden?: boolean | undefined;
  readonly value: T;
  readonly options: readonly SelectOption<T>[];
  readonly isDisabled?: boolean | undefined;
  readonly hint?: string | undefined;
  readonly onChange: (value: T) => void;
}

export function Select<T extends string>(props: SelectProps<T>): JSX.Element {
  const { label, isLabelHidden, value, options, isDisabled, hint, onChange } = props;
  const id = useId();
  const groups = [...new Set(options.map(({ group }) => group))];
  const choose = (chosen: string): void => {
    const option = options.find((each) => each.value === chosen);
    if (option !== undefined) onChange(option.value);
  };
  const shown = (group: string | undefined): JSX.Element[] =>
    options
      .filter((option) => option.group === group)
      .map((option) => (
        <option key={option.value} value={option.value} disabled={option.isDisabled === true}>
          {option.label}
        </option>
      ));
  return (
    <div class="field">
      <label class={isLabelHidden === true ? "visually-hidden" : "field-label"} for={id}>
        {label}
      </label>
      <select
        id={id}
        value={value}
        disabled={isDisabled === true}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        {groups.map((group) =>
          group === undefined ? (
            shown(group)
          ) : (
            <optgroup key={group} label={group}>
              {shown(group)}
            </optgroup>
          ),
        )}
      </select>
      {hint === undefined ? undefined : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
