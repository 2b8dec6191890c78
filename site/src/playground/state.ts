/** What the playground knows, as signals. What can be done in it is in room.ts. */
import { type ReadonlySignal, type Signal, computed, signal } from "@preact/signals";
import type { Finding, WeightExplanation } from "twopass/inspect";
import type { NetworkConfig } from "../session/config.ts";
import type { Change, Consequence, Maps, Metrics, SessionInfo, TracedStep } from "../session/protocol.ts";
import type { ShownMoment } from "./diagram-data.ts";
import type { StepReading } from "./step-reading.ts";
import type { StepSize } from "../view/phase.ts";
import type { Timeline } from "./timeline.ts";

/** What was clicked. Layers as in `SessionInfo.layers`; −1 is the input. */
export type Selection =
  | { readonly kind: "unit"; readonly layer: number; readonly unit: number }
  | { readonly kind: "bias"; readonly layer: number; readonly unit: number }
  | { readonly kind: "edge"; readonly layer: number; readonly unit: number; readonly input: number }
  | { readonly kind: "example" };

/** What a change would do, and which change that is. */
export interface TriedChange {
  readonly change: Change;
  readonly consequence: Consequence;
}

/** A traced step with all that the page makes of it once. */
export interface ShownStep {
  readonly traced: TracedStep;
  /** Undefined where the trace is not that of a network of layers. */
  readonly reading: StepReading | undefined;
  readonly timeline: Timeline;
  /** Where the run stood in front of it. */
  readonly before: Metrics;
  readonly mapsBefore: Maps | undefined;
  readonly mapsAfter: Maps | undefined;
}

export class RoomState {
  readonly config: Signal<NetworkConfig>;
  readonly info = signal<SessionInfo | undefined>(undefined);
  readonly step = signal<ShownStep | undefined>(undefined);
  /** The place in the step's timeline. */
  readonly at = signal(0);
  /** Which example of the batch is shown. */
  readonly sample = signal(0);
  readonly selection = signal<Selection | undefined>(undefined);
  readonly curve = signal<readonly Metrics[]>([]);
  /** The largest step that the run has come to. Looking at a step makes the next one too, which does not count. */
  readonly farthest = signal(0);
  readonly isRunning = signal(false);
  readonly isPlaying = signal(false);
  /** Moments in a second while the step is played. */
  readonly speed = signal(1.5);
  readonly playSize = signal<StepSize>("layer");
  readonly stepsPerSecond = signal<number | undefined>(undefined);
  /** Set when numbers have become infinite: where the first one came from. */
  readonly diverged = signal<{ readonly finding: Finding | undefined; readonly step: number } | undefined>(undefined);
  /** The worker has died: "again" where another one has taken its place. */
  readonly died = signal<"again" | "over" | undefined>(undefined);
  readonly explanation = signal<WeightExplanation | undefined>(undefined);
  readonly tried = signal<TriedChange | undefined>(undefined);
  readonly shown: ReadonlySignal<ShownMoment | undefined>;
  readonly metrics: ReadonlySignal<Metrics | undefined>;
  readonly maps: ReadonlySignal<Maps | undefined>;
  readonly isAtEnd: ReadonlySignal<boolean>;
  /** Where the run stands, and its pictures, while no step is shown. */
  protected readonly leftMetrics = signal<Metrics | undefined>(undefined);
  protected readonly leftMaps = signal<Maps | undefined>(undefined);

  constructor(config: Signal<NetworkConfig>) {
    this.config = config;
    this.isAtEnd = computed(() => this.at.value === this.step.value?.timeline.moments.length);
    this.shown = computed(() => {
      const { reading, timeline, traced } = this.step.value ?? {};
      if (reading === undefined || timeline === undefined || traced === undefined) return undefined;
      const sample = Math.min(this.sample.value, reading.samples - 1);
      return { step: reading, timeline, at: this.at.value, sample, findings: traced.findings };
    });
    this.metrics = computed(() => {
      const step = this.step.value;
      if (step === undefined) return this.leftMetrics.value;
      return this.isAtEnd.value ? step.traced.metrics : step.before;
    });
    this.maps = computed(() => {
      const step = this.step.value;
      if (step === undefined) return this.leftMaps.value;
      return (this.isAtEnd.value ? step.mapsAfter : undefined) ?? step.mapsBefore;
    });
  }
}
