/** How the network learns: loss, optimiser and its settings, batches. */
import type { JSX } from "preact";
import {
  type LossName,
  type NetworkConfig,
  type OptimizerConfig,
  type OptimizerName,
  losses,
  optimizers,
} from "../session/config.ts";
import { t } from "../text/text.ts";
import { Select } from "../view/select.tsx";
import { Slider } from "../view/slider.tsx";
import { ChangeEditor } from "./change-editor.tsx";
import type { Room } from "./room.ts";

/** Rates that suit an optimiser when it is chosen. */
const usualRates: Readonly<Record<OptimizerName, number>> = {
  sgd: 0.1,
  momentum: 0.05,
  nesterov: 0.05,
  rmsprop: 0.01,
  adagrad: 0.1,
  adam: 0.03,
  adamw: 0.03,
  lion: 0.005,
};

/** Kinds of data with numbers to predict. */
const ofNumbers = ["wave", "plane"];

export function TrainingPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.training;
  const config = room.config.value;
  const { optimizer, loss, batchSize, data } = config;
  const set = (to: Partial<NetworkConfig>): void => {
    room.config.value = { ...config, ...to };
  };
  const setOptimizer = (to: Partial<OptimizerConfig>): void => set({ optimizer: { ...optimizer, ...to } });
  const hasMomentum = optimizer.name === "momentum" || optimizer.name === "nesterov";
  return (
    <div class="setup">
      <Select<LossName>
        label={texts.loss}
        value={loss}
        options={losses.map((value) => ({
          value,
          label: texts.losses[value],
          isDisabled: value === "crossEntropy" && ofNumbers.includes(data.kind),
        }))}
        hint={texts.lossHints[loss]}
        onChange={(chosen) => set({ loss: chosen })}
      />
      <Select<OptimizerName>
        label={texts.optimizer}
        value={optimizer.name}
        options={optimizers.map((value) => ({ value, label: texts.optimizers[value] }))}
        hint={texts.optimizerHints[optimizer.name]}
        onChange={(name) =>
          setOptimizer({ name, lr: usualRates[name], momentum: optimizer.momentum === 0 ? 0.9 : optimizer.momentum })
        }
      />
      <ChangeEditor
        room={room}
        label={texts.rate}
        value={optimizer.lr}
        min={1e-5}
        max={10}
        scale="logarithmic"
        changeTo={(lr) => ({ lr })}
      />
      {hasMomentum ? (
        <Slider
          label={texts.momentum}
          value={optimizer.momentum}
          min={optimizer.name === "nesterov" ? 0.01 : 0}
          max={0.99}
          step={0.01}
          onInput={(momentum) => setOptimizer({ momentum })}
        />
      ) : undefined}
      <Slider
        label={texts.weightDecay}
        value={optimizer.weightDecay}
        min={0}
        max={1}
        step={0.001}
        isOpen
        hint={texts.weightDecayHint}
        onInput={(weightDecay) => setOptimizer({ weightDecay })}
      />
      <Slider
        label={texts.batchSize}
        value={batchSize}
        min={0}
        max={256}
        isWhole
        hint={batchSize === 0 ? texts.wholeBatch : texts.batchHint}
        onInput={(size) => set({ batchSize: size })}
      />
    </div>
  );
}
