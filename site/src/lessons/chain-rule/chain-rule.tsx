/** Lesson 4: both passes over a computation graph, one operation after the other. */
import "./chain-rule.css";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../../text/text.ts";
import { Button } from "../../view/button.tsx";
import { Formula, type FormulaPart } from "../../view/formula.tsx";
import { formatNumber } from "../../view/number.ts";
import { Slider } from "../../view/slider.tsx";
import { Guide, type LessonProps, partOf } from "../kit/guide.tsx";
import { useLab, useNewest, usePlay } from "../kit/use-lab.ts";
import { GraphDrawing } from "./graph-drawing.tsx";
import { type Graph, type GraphId, graphs } from "./graphs.ts";
import type { ChainRuleLab, GraphReading } from "./lab.ts";
import { gradientLines, localLines, nudgeLines, textOf, valueLine } from "./node-formulas.ts";
import { endOf, gradientState, hasValue, momentAt } from "./progress.ts";
import { texts } from "./texts.ts";

/** What a reader does with a graph. */
interface Use {
  readonly values: Readonly<Record<string, number>>;
  readonly place: number;
  readonly selected: string;
}

/** Milliseconds of an operation while it is played. */
const pace = 800;
const graphOfPart: readonly GraphId[] = ["neuron", "neuron", "neuron", "shared", "tanh"];
/** From here on gradients are compared with differences. */
const nudgePart = 2;

function beginning(id: GraphId): Use {
  return {
    values: Object.fromEntries(graphs[id].leaves.map(({ name, start }) => [name, start])),
    place: 0,
    selected: id === "neuron" ? "p" : id === "shared" ? "w" : "h",
  };
}

export function ChainRuleLesson(props: LessonProps): JSX.Element {
  const part = partOf(props.part, graphOfPart.length);
  const id = graphOfPart[part] as GraphId;
  const graph = graphs[id];
  const lab = useLab<ChainRuleLab>("chainRule");
  const [uses, setUses] = useState({
    neuron: beginning("neuron"),
    shared: beginning("shared"),
    tanh: beginning("tanh"),
  });
  const use = uses[id];
  const { values, place, selected } = use;
  const change = (to: Partial<Use>): void => setUses((all) => ({ ...all, [id]: { ...all[id], ...to } }));
  const end = endOf(graph);

  const newest = useNewest(
    { id, values },
    async (input) => ({ id: input.id, reading: await lab.call("read", input.id, input.values) }),
    [lab, id, values],
  );
  const reading = newest?.id === id ? newest.reading : undefined;

  const { isPlaying, setPlaying } = usePlay(async () => {
    const next = place >= end ? 1 : place + 1;
    change({ place: next });
    if (next < end) await new Promise((resolve) => setTimeout(resolve, pace));
    return next < end;
  }, props.isShown);
  useEffect(() => setPlaying(false), [id]);
  // The third part is about what both passes have found.
  useEffect(() => {
    if (part === nudgePart) change({ place: end, selected: "w" });
  }, [part]);

  const words = texts();
  const done = tasksOf(uses, id, reading);
  const go = (to: number): void => {
    setPlaying(false);
    change({ place: to });
  };
  const formula = formulas[id];
  const nextDirection = place < graph.operations.length ? "forward" : "backward";
  return (
    <Guide {...props} parts={words.parts.map((one, i) => ({ ...one, isDone: done[i] }))}>
      <section class="panel chain-panel" aria-label={words.graph(formula)}>
        <p>{words.graph(formula)}</p>
        <GraphDrawing
          graph={graph}
          label={words.graph(formula)}
          reading={reading}
          place={place}
          hasLocals={part > 0 || place > graph.operations.length}
          selected={selected}
          onSelect={(name) => change({ selected: name })}
        />
        <p class="hint">{words.legend}</p>
        <p role="status" aria-live={isPlaying ? "off" : "polite"}>
          {told(graph, place, reading)}
        </p>
        <div class="actions" role="group" aria-label={words.passes}>
          <Button kind="main" icon={isPlaying ? "pause" : "play"} onClick={() => setPlaying(!isPlaying)}>
            {isPlaying ? t().lessons.pause : words.play}
          </Button>
          <Button icon="stepBack" isDisabled={place === 0} onClick={() => go(place - 1)}>
            {words.previous}
          </Button>
          <Button kind={nextDirection} icon="stepForward" isDisabled={place === end} onClick={() => go(place + 1)}>
            {words.next}
          </Button>
          <Button kind="forward" icon="phaseForward" onClick={() => go(graph.operations.length)}>
            {words.toLoss}
          </Button>
          <Button kind="backward" icon="phaseForward" onClick={() => go(end)}>
            {words.toEnd}
          </Button>
          <Button
            icon="reset"
            onClick={() => {
              setPlaying(false);
              change(beginning(id));
            }}
          >
            {t().lessons.fromStart}
          </Button>
        </div>
        {reading !== undefined && !Object.values(reading.nodes).every(isFiniteNode) ? (
          <p class="hint hint-problem" role="alert">
            {words.notFinite}
          </p>
        ) : undefined}
      </section>
      <section class="panel" aria-label={words.inputs}>
        <div class="chain-inputs">
          {graph.leaves.map(({ name }) => (
            <Slider
              key={`${id} ${name}`}
              label={`${name} (${words.roles[name as keyof typeof words.roles]})`}
              value={values[name] as number}
              min={-5}
              max={5}
              step={0.1}
              isOpen
              onInput={(value) => change({ values: { ...values, [name]: value } })}
            />
          ))}
        </div>
      </section>
      {reading === undefined ? undefined : (
        <NodePanel graph={graph} name={selected} reading={reading} place={place} part={part} />
      )}
    </Guide>
  );
}

const formulas: Readonly<Record<GraphId, string>> = {
  neuron: "L = (w · x + b − y)²",
  shared: "L = (w · x₁ + w · x₂ − y)²",
  tanh: "L = (tanh(w · x + b) − y)²",
};

/** Whether each part's task is done now. */
function tasksOf(uses: Readonly<Record<GraphId, Use>>, id: GraphId, reading: GraphReading | undefined): boolean[] {
  const { neuron } = uses;
  const nodeOf = (graph: GraphId, name: string) =>
    id === graph && uses[graph].place === endOf(graphs[graph]) ? reading?.nodes[name] : undefined;
  const [share = 0] = nodeOf("shared", "p₁")?.shares ?? [];
  const [bend = 1] = nodeOf("tanh", "h")?.locals ?? [];
  return [
    neuron.place >= graphs.neuron.operations.length,
    neuron.place === endOf(graphs.neuron),
    nodeOf("neuron", "w")?.gradient === 0,
    nodeOf("shared", "w")?.gradient === 0 && share !== 0,
    bend < 0.01 && Math.abs(nodeOf("tanh", "e")?.value ?? 0) > 0.1,
  ];
}

function isFiniteNode({ value, gradient }: { readonly value: number; readonly gradient: number }): boolean {
  return Number.isFinite(value) && Number.isFinite(gradient);
}

/** What happened last, in words. */
function told(graph: Graph, place: number, reading: GraphReading | undefined): string {
  const words = texts();
  const moment = momentAt(graph, place);
  if (moment === undefined) return words.atStart;
  const { operation } = moment;
  if (operation === undefined) return words.seed;
  const node = reading?.nodes[operation.name];
  if (moment.direction === "forward") {
    return words.forward(`${operation.name} = ${textOf(operation)} = ${formatNumber(node?.value)}`);
  }
  const shares = operation.inputs.map((input, i) => words.share(input, formatNumber(node?.shares[i])));
  return words.backward(operation.name, formatNumber(node?.gradient), shares.join(t().view.comma));
}

interface NodePanelProps {
  readonly graph: Graph;
  readonly name: string;
  readonly reading: GraphReading;
  readonly place: number;
  /** What was not explained yet is not shown yet. */
  readonly part: number;
}

function NodePanel({ graph, name, reading, place, part }: NodePanelProps): JSX.Element {
  const words = texts();
  const operation = graph.operations.find((one) => one.name === name);
  const isThere = hasValue(graph, place, name);
  const own: readonly FormulaPart[] = [{ name }, " = ", { number: reading.nodes[name]?.value }];
  return (
    <section class="panel chain-panel" aria-label={words.details(name)}>
      <h3>{words.details(name)}</h3>
      <div class="chain-forward">
        <p class="hint">{operation === undefined ? words.leaf : words.value}</p>
        <Formula label={words.value} lines={[operation === undefined ? own : valueLine(operation, reading, isThere)]} />
      </div>
      {operation !== undefined && isThere && part > 0 ? (
        <div class="chain-local-lines">
          <p class="hint">{words.local}</p>
          <Formula label={words.local} lines={localLines(operation, reading)} />
        </div>
      ) : undefined}
      {part > 0 ? (
        <div class="chain-backward">
          <p class="hint">{words.gradient}</p>
          <Formula label={words.gradient} lines={gradientLines(graph, name, reading, place)} />
        </div>
      ) : undefined}
      {part >= nudgePart && operation === undefined && gradientState(graph, place, name) === "whole" ? (
        <div class="chain-forward">
          <p class="hint">{words.nudge}</p>
          <Formula label={words.nudge} lines={nudgeLines(name, reading)} />
        </div>
      ) : undefined}
    </section>
  );
}
