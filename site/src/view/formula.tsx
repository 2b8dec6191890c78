/**
 * A formula of names and numbers that belong together: what has one `link` is lit together when one of it is pointed at or
 * has the focus, in all formulas of one `links`. Plain HTML, read by screen readers from left to right.
 */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import type { FormulaPart } from "./formula-parts.ts";
import { ShownNumber } from "./shown-number.tsx";

export type { FormulaFraction, FormulaGroup, FormulaName, FormulaNumber, FormulaPart } from "./formula-parts.ts";

/** What is lit. */
export interface FormulaLinks {
  readonly lit: Signal<string | undefined>;
}

export interface FormulaProps {
  /** Lines: the formula by names, with the numbers put in, and the result. */
  readonly lines: readonly (readonly FormulaPart[])[];
  /** What a link is, in words: "weight from x₁". Shown below while it is lit, and as its label. */
  readonly notes?: Readonly<Record<string, string>> | undefined;
  /** Shared by formulas; default: its own. */
  readonly links?: FormulaLinks | undefined;
  /** A link is clicked, or Enter is pressed on it. */
  readonly onPick?: ((link: string) => void) | undefined;
  readonly label?: string | undefined;
}

/** For formulas that belong together: what is lit in one is lit in all. */
export function useFormulaLinks(): FormulaLinks {
  return { lit: useSignal<string | undefined>(undefined) };
}

interface PartContext {
  readonly links: FormulaLinks;
  readonly notes: Readonly<Record<string, string>>;
  readonly onPick: ((link: string) => void) | undefined;
  /** The link around; what is inside of it again is not another one. */
  readonly inside: string | undefined;
}

export function Formula({ lines, notes = {}, links, onPick, label }: FormulaProps): JSX.Element {
  const own = useFormulaLinks();
  const context: PartContext = { links: links ?? own, notes, onPick, inside: undefined };
  const lit = context.links.lit.value;
  return (
    <div class="formula" role="group" aria-label={label ?? t().view.formula}>
      {lines.map((line, i) => (
        <p key={i} class="formula-line">
          {line.map((part, j) => (
            <Part key={j} part={part} context={context} />
          ))}
        </p>
      ))}
      {Object.keys(notes).length === 0 ? undefined : (
        <p class="formula-note" aria-live="polite">
          {(lit === undefined ? undefined : notes[lit]) ?? "\u00a0"}
        </p>
      )}
    </div>
  );
}

function Part({ part, context }: { readonly part: FormulaPart; readonly context: PartContext }): JSX.Element {
  if (typeof part === "string") return <span class="formula-sign">{part}</span>;
  const { link } = part;
  if (link === undefined || context.inside !== undefined) return <Content part={part} context={context} />;
  return (
    <Linked link={link} context={context}>
      <Content part={part} context={{ ...context, inside: link }} />
    </Linked>
  );
}

interface LinkedProps {
  readonly link: string;
  readonly context: PartContext;
  readonly children: JSX.Element;
}

function Linked({ link, context, children }: LinkedProps): JSX.Element {
  const { links, notes, onPick } = context;
  const light = (): void => {
    links.lit.value = link;
  };
  const dim = (): void => {
    if (links.lit.peek() === link) links.lit.value = undefined;
  };
  const common = {
    class: `formula-link${links.lit.value === link ? " is-lit" : ""}`,
    title: notes[link],
    onMouseEnter: light,
    onMouseLeave: dim,
    onFocus: light,
    onBlur: dim,
  };
  return onPick === undefined ? (
    <span {...common} tabIndex={0}>
      {children}
    </span>
  ) : (
    <button {...common} type="button" onClick={() => onPick(link)}>
      {children}
    </button>
  );
}

function Content({
  part,
  context,
}: {
  readonly part: Exclude<FormulaPart, string>;
  readonly context: PartContext;
}): JSX.Element {
  const all = (parts: readonly FormulaPart[]): JSX.Element[] =>
    parts.map((each, i) => <Part key={i} part={each} context={context} />);
  if ("name" in part) {
    return (
      <span class="formula-name">
        <i>{part.name}</i>
        {part.sub === undefined ? undefined : <sub>{part.sub}</sub>}
        {part.sup === undefined ? undefined : <sup>{part.sup}</sup>}
      </span>
    );
  }
  if ("number" in part) return <ShownNumber value={part.number} />;
  if ("group" in part) return <span class="formula-group">{all(part.group)}</span>;
  return (
    <span class="fraction">
      <span class="fraction-above">{all(part.above)}</span>
      <span class="visually-hidden">/</span>
      <span class="fraction-below">{all(part.below)}</span>
    </span>
  );
}
