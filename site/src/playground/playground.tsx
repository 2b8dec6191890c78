/** Room 1: a network to build, to train, and to look into, step by step. */
import "./playground.css";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Codec, urlState } from "../app/url-state.ts";
import { SessionClient } from "../session/client.ts";
import { configKeys, decodeConfig, encodeConfig } from "../session/config-address.ts";
import type { NetworkConfig } from "../session/config.ts";
import { SessionError, fill } from "../session/faults.ts";
import { t } from "../text/text.ts";
import { useShortcuts } from "../view/shortcuts.ts";
import { Tabs } from "../view/tabs.tsx";

import { CurvesPanel } from "./curves-panel.tsx";
import { DataPanel } from "./data-panel.tsx";
import { DetailPanel } from "./detail-panel.tsx";
import { fetchDigits } from "../session/digits.ts";
import { Divergence } from "./divergence.tsx";
import { FindingsPanel } from "./findings-panel.tsx";
import { HistogramsPanel } from "./histograms-panel.tsx";
import { NetworkPanel } from "./network-panel.tsx";
import { OutputPanel } from "./output-panel.tsx";
import { RunBar } from "./run-bar.tsx";
import { Room } from "./room.ts";
import { StepPanel } from "./step-panel.tsx";
import { TrainingPanel } from "./training-panel.tsx";

const codec: Codec<NetworkConfig> = { keys: configKeys, encode: encodeConfig, decode: decodeConfig };

/** There is one worker, which lives as long as the page. */
let made: Room | undefined;

function playground(): Room {
  made ??= new Room(
    urlState("playground", codec).state,
    (onEvent) => new SessionClient({ onEvent, digits: fetchDigits }),
  );
  return made;
}

type SetupTab = "data" | "network" | "training";

export function Playground({ isShown }: { readonly isShown: boolean }): JSX.Element {
  const room = playground();
  const texts = t().playground;
  const [tab, setTab] = useState<SetupTab>("data");
  useShortcuts(
    [
      {
        key: "r",
        label: () => t().playground.keys.run,
        run: () => void (room.isRunning.peek() ? room.stop() : room.run()),
      },
      {
        key: "p",
        label: () => t().playground.keys.play,
        run: () => void (room.isPlaying.peek() ? room.pause() : room.play()),
      },
      { key: "o", label: () => t().playground.keys.operation, run: () => void room.forward("operation") },
      { key: "ArrowRight", label: () => t().playground.keys.layer, run: () => void room.forward("layer") },
      { key: "f", label: () => t().playground.keys.phase, run: () => void room.forward("phase") },
      { key: "ArrowLeft", label: () => t().playground.keys.back, run: () => void room.back(room.playSize.peek()) },
    ],
    isShown,
  );
  return (
    <div class="playground">
      <Problem room={room} />
      <Divergence room={room} />
      <RunBar room={room} />
      <section class="panel setup-panel" aria-label={texts.setup}>
        <Tabs<SetupTab>
          label={texts.setup}
          current={tab}
          onSelect={setTab}
          tabs={[
            { id: "data", label: texts.tabs.data, content: () => <DataPanel room={room} /> },
            { id: "network", label: texts.tabs.network, content: () => <NetworkPanel room={room} /> },
            { id: "training", label: texts.tabs.training, content: () => <TrainingPanel room={room} /> },
          ]}
        />
      </section>
      <div class="playground-middle">
        <StepPanel room={room} />
        <DetailPanel room={room} />
      </div>
      <div class="playground-right">
        <OutputPanel room={room} />
        <CurvesPanel room={room} />
        <FindingsPanel room={room} />
        <HistogramsPanel room={room} />
      </div>
    </div>
  );
}

/** What went wrong with what was asked of the network. */
function Problem({ room }: { readonly room: Room }): JSX.Element | null {
  const texts = t().playground.problem;
  const died = room.died.value;
  if (died !== undefined) {
    return (
      <p class="notice notice-problem" role="alert">
        {texts[died]}
      </p>
    );
  }
  const problem = room.problem.value;
  if (problem === undefined) return null;
  return (
    <p class="notice notice-problem" role="alert">
      {problemText(problem)}
    </p>
  );
}

function problemText(problem: unknown): string {
  const { faults, problem: texts } = t().playground;
  if (problem instanceof SessionError && problem.code !== undefined) return fill(faults[problem.code], problem.values);
  return `${texts.other} ${problem instanceof Error ? problem.message : String(problem)}`;
}
