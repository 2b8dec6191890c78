/** A computation graph: nodes as buttons with value and gradient, edges with their local derivative. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { formatNumber } from "../../view/number.ts";
import { ShownNumber } from "../../view/shown-number.tsx";
import { useSize } from "../../view/use-size.ts";
import { type Graph, type Operation } from "./graphs.ts";
import type { GraphReading } from "./lab.ts";
import { type Box, layoutOf, nodeHeight } from "./layout.ts";
import { textOf } from "./node-formulas.ts";
import { arrivals, gradientState, hasValue, momentAt } from "./progress.ts";
import { texts } from "./texts.ts";

interface GraphDrawingProps {
  readonly graph: Graph;
  readonly label: string;
  /** Undefined: not computed yet. */
  readonly reading: GraphReading | undefined;
  readonly place: number;
  readonly hasLocals: boolean;
  readonly selected: string;
  readonly onSelect: (name: string) => void;
}

const digits = 3;

export function GraphDrawing(props: GraphDrawingProps): JSX.Element {
  const { graph, label, reading, place, hasLocals } = props;
  const frame = useRef<HTMLDivElement>(null);
  const { width: room } = useSize(frame);
  const layout = layoutOf(graph, Math.max(288, room));
  const moment = momentAt(graph, place);
  const edges = graph.operations.flatMap((operation) =>
    operation.inputs.map((input, i) => ({ operation, input, i, ...layout.edge(input, operation.name) })),
  );
  return (
    <div class="chain-graph" ref={frame} role="group" aria-label={label}>
      <div class="chain-field" style={`width:${layout.width}px;height:${layout.height}px`}>
        <svg width={layout.width} height={layout.height} aria-hidden="true">
          {edges.map(({ operation, input, from, to }) => {
            const isHere = moment?.operation === operation;
            const kind = isHere ? ` edge-${moment.direction}` : "";
            return (
              <g key={`${input}-${operation.name}`} class={`chain-edge${kind}`}>
                <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
                {isHere && moment.direction === "backward" ? arrow(to, from) : arrow(from, to)}
              </g>
            );
          })}
        </svg>
        {hasLocals
          ? edges
              .filter(({ operation }) => hasValue(graph, place, operation.name))
              .map(({ operation, input, i, from, to }) => {
                const isPassed = arrivals(graph, place, input).some(
                  (arrival) => arrival.operation === operation && arrival.isThere,
                );
                return (
                  <span
                    key={`${input}-${operation.name}`}
                    class={isPassed ? "chain-local is-passed" : "chain-local"}
                    style={`left:${(from.x + to.x) / 2}px;top:${(from.y + to.y) / 2 - (from.y === to.y ? 10 : 0)}px`}
                    aria-hidden="true"
                  >
                    {formatNumber(reading?.nodes[operation.name]?.locals[i], digits)}
                  </span>
                );
              })
          : undefined}
        {[...graph.leaves, ...graph.operations].map(({ name }) => (
          <NodeButton
            key={name}
            {...props}
            name={name}
            operation={graph.operations.find((one) => one.name === name)}
            box={layout.boxes.get(name) as Box}
            width={layout.nodeWidth}
          />
        ))}
      </div>
    </div>
  );
}

interface NodeButtonProps extends GraphDrawingProps {
  readonly name: string;
  readonly operation: Operation | undefined;
  readonly box: Box;
  readonly width: number;
}

function NodeButton(props: NodeButtonProps): JSX.Element {
  const { graph, reading, place, selected, onSelect, name, operation, box, width } = props;
  const node = reading?.nodes[name];
  const moment = momentAt(graph, place);
  const value = hasValue(graph, place, name) ? node?.value : undefined;
  const state = gradientState(graph, place, name);
  const came = arrivals(graph, place, name).find(({ isThere }) => isThere);
  const share = state === "part" ? reading?.nodes[came?.operation.name ?? ""]?.shares[came?.input ?? 0] : undefined;
  const gradient = state === "whole" ? node?.gradient : share;
  const isHere =
    moment?.direction === "backward"
      ? moment.operation === undefined
        ? name === "L"
        : moment.operation.inputs.includes(name)
      : moment?.operation?.name === name;
  const title = operation === undefined ? name : `${name} = ${textOf(operation)}`;
  const classes = [
    "chain-node",
    operation === undefined ? "is-leaf" : "",
    isHere ? `is-${moment?.direction ?? ""}` : "",
  ].join(" ");
  return (
    <button
      type="button"
      class={classes}
      style={`left:${box.x}px;top:${box.y}px;width:${width}px;height:${nodeHeight}px`}
      aria-pressed={name === selected}
      onClick={() => onSelect(name)}
    >
      <span class="visually-hidden">
        {texts().node(title, formatNumber(value), formatNumber(gradient), {
          hasValue: value !== undefined,
          gradient: gradient === undefined ? "none" : state,
        })}
      </span>
      <span class="chain-name" aria-hidden="true">
        {title}
      </span>
      <span class="chain-value" aria-hidden="true">
        <ShownNumber value={value} digits={digits} />
      </span>
      <span class="chain-gradient" aria-hidden="true">
        <i>∂</i> <ShownNumber value={gradient} digits={digits} />
        {state === "part" ? " +" : ""}
      </span>
    </button>
  );
}

/** The head of an arrow at the end of a line. */
function arrow(from: Box, to: Box): JSX.Element {
  const angle = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI;
  return <path d="M0 0-8-4v8z" transform={`translate(${to.x} ${to.y}) rotate(${angle})`} />;
}
