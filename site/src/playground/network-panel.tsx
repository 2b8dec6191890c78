/** The network to build: layers, their units, activation and start. */
import type { JSX } from "preact";
import {
  type Activation,
  type Init,
  type LayerConfig,
  type NetworkConfig,
  activations,
  inits,
} from "../session/config.ts";
import { t } from "../text/text.ts";
import { Button, IconButton } from "../view/button.tsx";
import { Select } from "../view/select.tsx";
import { Slider } from "../view/slider.tsx";
import type { Room } from "./room.ts";

const mostLayers = 10;
const mostUnits = 64;

export function setLayers(room: Room, layers: readonly LayerConfig[]): void {
  room.config.value = { ...room.config.value, layers };
}

/** One more layer behind the others, like the last one. */
export function addLayer(room: Room): void {
  const { layers } = room.config.value;
  setLayers(room, [...layers, layers.at(-1) ?? { units: 4, activation: "tanh", init: "default" }]);
}

export function setUnits(room: Room, layer: number, units: number): void {
  const { layers } = room.config.value;
  setLayers(
    room,
    layers.map((one, i) => (i === layer ? { ...one, units: Math.min(mostUnits, Math.max(1, units)) } : one)),
  );
}

export function NetworkPanel({ room }: { readonly room: Room }): JSX.Element {
  const texts = t().playground.network;
  const { layers } = room.config.value;
  const info = room.info.value;
  return (
    <div class="setup">
      {layers.length === 0 ? <p class="hint">{texts.noLayers}</p> : undefined}
      {layers.map((layer, i) => (
        <LayerFields key={i} room={room} config={room.config.value} layer={layer} at={i} />
      ))}
      <p class="actions">
        <Button icon="plus" isDisabled={layers.length >= mostLayers} onClick={() => addLayer(room)}>
          {texts.addLayer}
        </Button>
      </p>
      {info === undefined ? undefined : <p class="hint">{texts.parameters(info.parameters)}</p>}
    </div>
  );
}

interface LayerFieldsProps {
  readonly room: Room;
  readonly config: NetworkConfig;
  readonly layer: LayerConfig;
  readonly at: number;
}

function LayerFields({ room, config, layer, at }: LayerFieldsProps): JSX.Element {
  const texts = t().playground.network;
  const name = t().view.layer(at + 1);
  const change = (to: Partial<LayerConfig>): void =>
    setLayers(
      room,
      config.layers.map((one, i) => (i === at ? { ...one, ...to } : one)),
    );
  return (
    <fieldset class="layer-fields">
      <legend>{name}</legend>
      <Slider
        label={texts.units}
        value={layer.units}
        min={1}
        max={mostUnits}
        isWhole
        onInput={(units) => change({ units })}
      />
      <Select<Activation>
        label={texts.activation}
        value={layer.activation}
        options={activations.map((value) => ({ value, label: t().playground.activations[value] }))}
        onChange={(activation) => change({ activation })}
      />
      <Select<Init>
        label={texts.init}
        value={layer.init}
        options={inits.map((value) => ({ value, label: texts.inits[value] }))}
        onChange={(init) => change({ init })}
      />
      <IconButton
        icon="trash"
        label={texts.removeLayer(name)}
        onClick={() => setLayers(room, config.layers.toSpliced(at, 1))}
      />
    </fieldset>
  );
}
