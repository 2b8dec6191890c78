/** All that is known of what is selected: an operation, a parameter, or a group. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { TraceOperation, TraceParameter } from "twopass/inspect";
import { t } from "../text/text.ts";
import { formatCount } from "../view/number.ts";
import type { OperationValues } from "./calls.ts";
import { FindingText } from "./finding-text.tsx";
import { type Group, groupId, linksOf, operationName, operationsIn } from "./graph-model.ts";
import { groupName } from "./names.ts";
import { type LoadedTrace, client, select, selectParameter, selected, selectedParameter } from "./store.ts";
import { EditorChoice, SourceLine } from "./source-line.tsx";
import { ValueView } from "./value-view.tsx";
import { operationId, operationOf, shapeText } from "./visible-graph.ts";

interface DetailProps {
  readonly trace: LoadedTrace;
}

export function DetailPanel({ trace }: DetailProps): JSX.Element {
  const texts = t().inspector;
  const id = selected.value;
  const operation = id === undefined ? undefined : operationOf(id);
  const group = id === undefined ? undefined : trace.model.groups.get(id);
  const path = selectedParameter.value;
  return (
    <section class="inspector-detail" aria-label={texts.detail}>
      {operation !== undefined ? (
        <OperationDetail key={`${trace.number} ${operation}`} trace={trace} at={operation} />
      ) : path !== undefined ? (
        <ParameterDetail key={`${trace.number} ${path}`} trace={trace} path={path} />
      ) : group !== undefined ? (
        <GroupDetail trace={trace} group={group} />
      ) : (
        <p class="inspector-muted">{texts.nothingSelected}</p>
      )}
    </section>
  );
}

/** The numbers of what is shown, once they are here. */
function useValues(ask: () => Promise<OperationValues>): OperationValues | undefined {
  const [values, setValues] = useState<OperationValues | undefined>(undefined);
  useEffect(() => {
    let isWanted = true;
    void ask().then((found) => isWanted && setValues(found));
    return () => {
      isWanted = false;
    };
    // Each selection has its own component, by its key.
  }, []);
  return values;
}

interface OperationDetailProps extends DetailProps {
  readonly at: number;
}

function OperationDetail({ trace, at }: OperationDetailProps): JSX.Element {
  const texts = t().inspector;
  const values = useValues(() => client().call("values", trace.number, at));
  const { model } = trace;
  const operation = model.operations[at] as TraceOperation;
  const group = model.groupOf[at] as Group;
  const { derivatives, gradients } = linksOf(model, at);
  const isForward = operation.phase === "forward";
  const found = trace.findings.filter((finding) => finding.operation === at);
  return (
    <>
      <h3>
        <span class={`inspector-phase inspector-${operation.phase}`}>{texts.phaseLetters[operation.phase]}</span>{" "}
        {operationName(operation)}
      </h3>
      {found.map((finding) => (
        <FindingText key={finding.kind} finding={finding} trace={trace} />
      ))}
      <Facts>
        <Fact name={texts.factOperation}>{texts.operationAt(operation.op, at)}</Fact>
        <Fact name={texts.factPhase}>{texts.phases[operation.phase]}</Fact>
        {operation.call === "" ? undefined : <Fact name={texts.factCall}>{operation.call}</Fact>}
        <Fact name={texts.factModule}>
          <Link id={group.id} text={groupName(group)} />
        </Fact>
        {operation.line === "" ? undefined : (
          <Fact name={texts.factLine}>
            <SourceLine line={operation.line} />
          </Fact>
        )}
        <Fact name={texts.factShape}>
          {operation.dtype} [{operation.shape.join(", ")}]
        </Fact>
        <Settings settings={operation.settings} />
        {isForward ? (
          <Fact name={texts.factKept}>
            {operation.keptBytes === 0 ? texts.notKept : texts.bytes(formatCount(operation.keptBytes))}
          </Fact>
        ) : undefined}
      </Facts>
      {operation.line === "" ? undefined : <EditorChoice />}
      {values?.parameter === undefined ? (
        <>
          <ValueView
            label={texts.value}
            shape={operation.shape}
            value={values?.value}
            missing={values === undefined ? texts.loadingNumbers : texts.notCaptured}
          />
          {isForward ? (
            <ValueView
              label={texts.gradientOfLoss}
              shape={operation.shape}
              value={values?.gradient}
              missing={
                values === undefined
                  ? texts.loadingNumbers
                  : operation.gradient === undefined
                    ? texts.noGradient
                    : texts.notCaptured
              }
              color="var(--backward)"
            />
          ) : undefined}
        </>
      ) : (
        <Update parameter={values.parameter} values={values} />
      )}
      <LinkList title={texts.takes} operations={operation.inputs} trace={trace} />
      <LinkList title={isForward ? texts.derivative : texts.derivativeOf} operations={derivatives} trace={trace} />
      <LinkList title={isForward ? texts.gradientBy : texts.gradientOf} operations={gradients} trace={trace} />
      <LinkList title={texts.takenBy} operations={model.usersOf[at] ?? []} trace={trace} />
    </>
  );
}

interface ParameterDetailProps extends DetailProps {
  readonly path: string;
}

/** A parameter that the step does not use. */
function ParameterDetail({ trace, path }: ParameterDetailProps): JSX.Element {
  const texts = t().inspector;
  const values = useValues(() => client().call("parameter", trace.number, path));
  const found = trace.findings.filter((finding) => finding.path === path);
  return (
    <>
      <h3>{path}</h3>
      {found.map((finding) => (
        <FindingText key={finding.kind} finding={finding} trace={trace} />
      ))}
      <p>{texts.notUsed}</p>
      {values?.parameter === undefined ? undefined : <Update parameter={values.parameter} values={values} />}
    </>
  );
}

interface UpdateProps {
  readonly parameter: TraceParameter;
  readonly values: OperationValues;
}

/** Before, gradient, state, change, after. */
function Update({ parameter, values }: UpdateProps): JSX.Element {
  const texts = t().inspector;
  const { shape, before, after, change, state, settings, gradient } = parameter;
  return (
    <>
      <ValueView label={texts.before} shape={shape} value={before} missing={texts.notCaptured} />
      <ValueView
        label={texts.gradientOfLoss}
        shape={shape}
        value={values.gradient}
        missing={gradient === undefined ? texts.noGradient : texts.notCaptured}
        color="var(--backward)"
      />
      {Object.entries(state).map(([name, { before: earlier, after: later }]) => {
        // State has the parameter's shape unless it is smaller.
        const sizeOf = (value: typeof later): number => (value.kind === "elements" ? value.data.length : value.size);
        const ownShape = sizeOf(later) === shape.reduce((product, size) => product * size, 1) ? shape : [sizeOf(later)];
        return (
          <div key={name}>
            <ValueView
              label={texts.stateBefore(name)}
              shape={ownShape}
              value={earlier}
              missing={texts.noState}
              color="var(--update)"
            />
            <ValueView
              label={texts.stateAfter(name)}
              shape={ownShape}
              value={later}
              missing={texts.noState}
              color="var(--update)"
            />
          </div>
        );
      })}
      <ValueView label={texts.change} shape={shape} value={change} missing={texts.noUpdate} color="var(--update)" />
      <ValueView label={texts.after} shape={shape} value={after} missing={texts.noUpdate} />
      <Facts>
        <Settings settings={settings} />
      </Facts>
    </>
  );
}

interface GroupDetailProps extends DetailProps {
  readonly group: Group;
}

function GroupDetail({ trace, group }: GroupDetailProps): JSX.Element {
  const texts = t().inspector;
  const { outline, model } = trace;
  const module = group.kind === "module" ? outline.modules.find(({ path }) => path === group.path) : undefined;
  const inside = { forward: operationsIn(group, "forward"), backward: operationsIn(group, "backward") };
  const kept = inside.forward.reduce((sum, at) => {
    const { keptBytes = 0, inputs = [] } = model.operations[at] ?? {};
    return inputs.length === 0 ? sum : sum + keptBytes;
  }, 0);
  const isBelow = (path: string): boolean =>
    group.kind === "module" && (group.path === "" || path === group.path || path.startsWith(`${group.path}.`));
  const lines = [...new Set(inside.forward.map((at) => model.operations[at]?.line ?? ""))].filter(
    (line) => line !== "",
  );
  const found = trace.findings.filter(({ operation, path }) => {
    const owner = operation === undefined ? undefined : model.groupOf[operation];
    return owner === group || (group.path !== "" && isBelow(path));
  });
  return (
    <>
      <h3>{groupName(group)}</h3>
      {found.map((finding) => (
        <FindingText
          key={`${finding.kind} ${finding.path} ${finding.operation ?? ""}`}
          finding={finding}
          trace={trace}
        />
      ))}
      <Facts>
        {group.type === "" ? undefined : <Fact name={texts.factType}>{group.type}</Fact>}
        {group.settings === "" ? undefined : <Fact name={texts.factSettings}>{group.settings}</Fact>}
        {module === undefined ? undefined : <Fact name={texts.factCalls}>{formatCount(module.calls.length)}</Fact>}
        <Fact name={texts.passes.forward}>{texts.operationCount(inside.forward.length)}</Fact>
        <Fact name={group.kind === "update" ? texts.updateName : texts.passes.backward}>
          {texts.operationCount(inside.backward.length)}
        </Fact>
        {group.kind === "update" ? undefined : <Fact name={texts.factKept}>{texts.bytes(formatCount(kept))}</Fact>}
        {lines.length === 0 ? undefined : (
          <Fact name={texts.runs.lines}>
            {lines.slice(0, mostLines).map((line) => (
              <div key={line}>
                <SourceLine line={line} />
              </div>
            ))}
            {lines.length > mostLines ? texts.andMore(lines.length - mostLines) : undefined}
          </Fact>
        )}
      </Facts>
      {lines.length === 0 ? undefined : <EditorChoice />}
      {module === undefined || module.parameters.length === 0 ? undefined : (
        <>
          <h4>{texts.parameters}</h4>
          <ul class="inspector-links">
            {module.parameters.map((path) => (
              <li key={path}>
                <button type="button" class="inspector-link" onClick={() => selectParameter(path)}>
                  {path}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      {module === undefined ? undefined : (
        <>
          <LinkList
            title={texts.takes}
            operations={[...new Set(module.calls.flatMap(({ inputs }) => inputs))]}
            trace={trace}
          />
          <LinkList
            title={texts.gives}
            operations={[...new Set(module.calls.flatMap(({ outputs }) => outputs))]}
            trace={trace}
          />
        </>
      )}
      {group.groups.length === 0 ? undefined : (
        <>
          <h4>{texts.parts}</h4>
          <ul class="inspector-links">
            {group.groups.slice(0, mostLinks).map((below) => (
              <li key={below.id}>
                <Link id={below.id} text={groupName(below)} /> <span class="inspector-muted">{below.type}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {group.parent === undefined || group.parent.id === groupId("") ? undefined : (
        <p>
          {texts.partOf} <Link id={group.parent.id} text={groupName(group.parent)} />
        </p>
      )}
    </>
  );
}

function Facts({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <dl class="inspector-facts">{children}</dl>;
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Settings({ settings }: Pick<TraceOperation, "settings">): JSX.Element {
  return (
    <>
      {Object.entries(settings).map(([name, setting]) => (
        <Fact key={name} name={name}>
          <code>{typeof setting === "object" ? `[${setting.join(", ")}]` : String(setting)}</code>
        </Fact>
      ))}
    </>
  );
}

function Link({ id, text }: { readonly id: string; readonly text: string }): JSX.Element {
  return (
    <button type="button" class="inspector-link" onClick={() => select(id)}>
      {text}
    </button>
  );
}

const mostLinks = 40;
const mostLines = 5;

interface LinkListProps extends DetailProps {
  readonly title: string;
  readonly operations: readonly number[];
}

function LinkList({ title, operations, trace }: LinkListProps): JSX.Element | null {
  if (operations.length === 0) return null;
  const texts = t().inspector;
  return (
    <>
      <h4>{title}</h4>
      <ul class="inspector-links">
        {operations.slice(0, mostLinks).map((at, i) => {
          const operation = trace.model.operations[at] as TraceOperation;
          return (
            <li key={`${at} ${i}`}>
              <span class={`inspector-phase inspector-${operation.phase}`} title={texts.phases[operation.phase]}>
                {texts.phaseLetters[operation.phase]}
              </span>{" "}
              <Link id={operationId(at)} text={operationName(operation)} />{" "}
              <span class="inspector-muted">{shapeText(operation.shape)}</span>
            </li>
          );
        })}
      </ul>
      {operations.length > mostLinks ? (
        <p class="inspector-muted">{texts.andMore(operations.length - mostLinks)}</p>
      ) : undefined}
    </>
  );
}
