/** The graph as a tree to read: the text alternative of the drawings, with the same selection. Only rows in sight exist. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { useSize } from "../view/use-size.ts";
import { findingLetters } from "./findings.ts";
import { operationName } from "./graph-model.ts";
import { groupName } from "./names.ts";
import { type LoadedTrace, badges, graphView, marks, select, selected, toggle } from "./store.ts";
import { type TreeRow, treeRows } from "./tree-rows.ts";
import { shapeText } from "./visible-graph.ts";

interface TreeListProps {
  readonly trace: LoadedTrace;
}

const rowHeight = 26;
/** Rows above and below what is seen. */
const spare = 6;

export function TreeList({ trace }: TreeListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const { height } = useSize(box);
  const [top, setTop] = useState(0);
  const view = graphView.value;
  const rows = useMemo(() => treeRows(trace.model, view), [trace, view]);
  const at = rows.findIndex(({ id }) => id === selected.value);
  const active = Math.max(0, at);
  const from = Math.max(0, Math.floor(top / rowHeight) - spare);
  const to = Math.min(rows.length, Math.ceil((top + height) / rowHeight) + spare);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || at < 0) return;
    const place = at * rowHeight;
    if (place < element.scrollTop) element.scrollTop = place;
    else if (place + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = place + rowHeight - element.clientHeight;
    }
  }, [at, height]);
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = 0;
  }, [trace]);

  const choose = (index: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row !== undefined) select(row.id);
  };
  const parentOf = (index: number): number => {
    const level = rows[index]?.level ?? 1;
    return rows.slice(0, index).findLastIndex((row) => row.level < level);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = rows[active];
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const canClose = row.isOpen === true && row.level > 1;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowDown: () => choose(at < 0 ? 0 : at + 1),
      ArrowUp: () => choose(active - 1),
      PageDown: () => choose(active + page),
      PageUp: () => choose(active - page),
      Home: () => choose(0),
      End: () => choose(rows.length - 1),
      ArrowRight: () => (row.isOpen === false ? toggle(row.id) : row.isOpen === true ? choose(active + 1) : undefined),
      ArrowLeft: () => (canClose ? toggle(row.id) : choose(parentOf(active))),
      Enter: () => (row.isOpen !== undefined && row.level > 1 ? toggle(row.id) : select(row.id)),
      " ": () => select(row.id),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };

  const shown = rows.slice(from, to);
  // A screen reader is told where the selection is, so its row exists wherever it is.
  const isActiveShown = active >= from && active < to;
  return (
    <div
      class="inspector-tree"
      ref={box}
      role="tree"
      tabIndex={0}
      aria-label={t().inspector.treeLabel}
      aria-activedescendant={rows.length === 0 ? undefined : rowId(active)}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      <div role="presentation" style={`height:${rows.length * rowHeight}px`}>
        {isActiveShown ? undefined : <Row key="active" row={rows[active]} index={active} trace={trace} />}
        {shown.map((row, i) => (
          <Row key={row.id} row={row} index={from + i} trace={trace} />
        ))}
      </div>
    </div>
  );
}

function rowId(index: number): string {
  return `inspector-row-${index}`;
}

interface RowProps {
  readonly row: TreeRow | undefined;
  readonly index: number;
  readonly trace: LoadedTrace;
}

function Row({ row, index, trace }: RowProps): JSX.Element | null {
  if (row === undefined) return null;
  const { id, level, place, among, isOpen, group, operation, phase, count } = row;
  const text = t().inspector;
  const one = operation === undefined ? undefined : trace.model.operations[operation];
  const mark = marks.value.get(id)?.mark;
  const letter = badges.value.get(id);
  const kind = Object.entries(findingLetters).find(([, sign]) => sign === letter)?.[0] as keyof typeof findingLetters;
  return (
    <div
      id={rowId(index)}
      role="treeitem"
      class={`inspector-row${mark === undefined ? "" : ` inspector-${mark}`}`}
      aria-level={level}
      aria-posinset={place}
      aria-setsize={among}
      aria-expanded={isOpen}
      aria-selected={selected.value === id}
      style={`top:${index * rowHeight}px;padding-inline-start:${8 + 14 * (level - 1)}px`}
      onClick={() => select(id)}
      onDblClick={() => (isOpen === undefined || level === 1 ? undefined : toggle(id))}
    >
      {isOpen === undefined || level === 1 ? undefined : (
        <span
          class="inspector-twist"
          aria-hidden="true"
          onClick={(event) => {
            event.stopPropagation();
            toggle(id);
          }}
        >
          {isOpen ? "−" : "+"}
        </span>
      )}
      {phase === undefined ? undefined : (
        <span class={`inspector-phase inspector-${phase}`} title={text.phases[phase]}>
          {text.phaseLetters[phase]}
        </span>
      )}
      <span class="inspector-name">{one === undefined ? shortName(row) : operationName(one)}</span>
      <span class="inspector-muted">
        {one === undefined ? `${group.type} ${text.operationCount(count)}` : shapeText(one.shape)}
      </span>
      {letter === undefined ? undefined : (
        <span class="inspector-badge" title={text.findingNames[kind]}>
          {letter}
          <span class="visually-hidden"> {text.findingNames[kind]}</span>
        </span>
      )}
    </div>
  );
}

function shortName({ group }: TreeRow): string {
  return group.kind === "module" && group.path !== "" ? group.name : groupName(group);
}
