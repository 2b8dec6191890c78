/** One of the two graphs on a canvas: to move, to zoom, to select, to open and close. */
import { useComputed, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../text/text.ts";
import { theme } from "../view/theme.ts";
import { type Camera, centredOn, fitting, moved, numbersFrom, seenBy, showing, zoomed } from "./camera.ts";
import type { Pass } from "./graph-model.ts";
import { type Grid, gridOf } from "./grid.ts";
import { groupNames } from "./names.ts";
import { Painter } from "./painter.ts";
import type { Direction, Scene } from "./scene.ts";
import { touches } from "./spatial-index.ts";
import { badges, client, current, marksOf, scenes, select, selected, toggle } from "./store.ts";
import { operationOf } from "./visible-graph.ts";

export interface GraphCanvasProps {
  readonly pass: Pass;
}

const arrows: Readonly<Record<string, Direction>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
};
const keyStep = 80;
const zoomStep = 1.3;
/** Elements that have room in a box. */
const mostNumbers = 64;
const animationTime = 200;

/** What was seen last, for when the graphs are shown again. */
const lastSeen: Partial<Record<Pass, { readonly scene: Scene; readonly camera: Camera }>> = {};

/** The part that lives as long as the canvas. */
class GraphControl {
  readonly #canvas: HTMLCanvasElement;
  readonly #painter: Painter;
  readonly #pass: Pass;
  #scene: Scene | undefined;
  /** Of the trace that is shown. */
  #trace = -1;
  #values = new Map<number, Grid | undefined>();
  #asked = new Set<number>();
  #animation = 0;
  readonly #pointers = new Map<number, { x: number; y: number }>();
  #dragged = 0;
  /** All of the graph is shown, and stays so when there is more or less room. */
  #isFitted = true;
  /** What was selected by a click here is in sight already. */
  #clicked: string | undefined;

  constructor(canvas: HTMLCanvasElement, marksCanvas: HTMLCanvasElement, pass: Pass) {
    this.#canvas = canvas;
    this.#painter = new Painter(canvas, marksCanvas);
    this.#pass = pass;
  }

  /** Draws again what follows from the signals that are read here. */
  update(): void {
    const trace = current.value;
    const scene = scenes[this.#pass].value;
    const isOther = trace?.number !== this.#trace;
    if (isOther) {
      this.#values = new Map();
      this.#asked = new Set();
    }
    if (scene !== this.#scene) {
      const before = this.#scene;
      const known = lastSeen[this.#pass];
      this.#scene = scene;
      if (scene !== undefined && known?.scene === scene) {
        this.#trace = trace?.number ?? -1;
        this.#painter.move(known.camera);
        this.#isFitted = false;
      } else if (scene !== undefined && !isOther && before !== undefined) {
        this.#keepInPlace(before, scene, selected.peek());
      } else if (scene !== undefined) {
        this.#trace = trace?.number ?? -1;
        this.#painter.move(fitting(scene.laid.layout, this.#painter.size));
        this.#isFitted = true;
      }
    }
    this.#painter.show(this.#scene, {
      theme: theme.value,
      marks: marksOf[this.#pass].value,
      badges: badges.value,
      values: this.#values,
      names: groupNames(),
    });
  }

  /** What was selected, or else in the middle, stays where it is when something opens. */
  #keepInPlace(before: Scene, after: Scene, id: string | undefined): void {
    const { camera, size } = this.#painter;
    const seen = seenBy(camera, size);
    const middle = before.nodesIn(seen)[0];
    const anchor = [id, middle === undefined ? undefined : before.laid.graph.nodes[middle]?.id].find(
      (one) => one !== undefined && before.placeOf(one) !== undefined && after.placeOf(one) !== undefined,
    );
    if (anchor === undefined) {
      this.#painter.move(fitting(after.laid.layout, size));
      this.#isFitted = true;
      return;
    }
    const [from, to] = [before.placeOf(anchor), after.placeOf(anchor)];
    if (from === undefined || to === undefined) return;
    this.#painter.move({ ...camera, x: camera.x + to.x - from.x, y: camera.y + to.y - from.y });
    this.#isFitted = false;
  }

  /** Brings what is marked into sight, unless something of it is. */
  reveal(): void {
    const scene = this.#scene;
    if (scene === undefined) return;
    const places = [...marksOf[this.#pass].value.keys()].flatMap((id) => scene.placeOf(id) ?? []);
    const id = selected.peek();
    if (id !== undefined && id === this.#clicked) return;
    const own = id === undefined ? undefined : scene.placeOf(id);
    const [target = own] = own === undefined ? places : [own];
    if (target === undefined) return;
    const { camera, size } = this.#painter;
    const seen = seenBy(camera, size);
    if (own === undefined && places.some((place) => touches(seen, place))) return;
    this.#glide(showing(camera, target, size));
  }

  resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    // A room that is not shown has no size, and keeps what it has.
    if (width === 0) return;
    const isFirst = this.#painter.size.width === 0;
    this.#painter.resize({ width, height }, globalThis.devicePixelRatio);
    if ((isFirst || this.#isFitted) && this.#scene !== undefined) {
      this.#painter.move(fitting(this.#scene.laid.layout, { width, height }));
    }
  }

  fit(): void {
    if (this.#scene === undefined) return;
    this.#glide(fitting(this.#scene.laid.layout, this.#painter.size));
    this.#isFitted = true;
  }

  zoom(factor: number): void {
    const { camera, size } = this.#painter;
    this.#go(zoomed(camera, factor, size.width / 2, size.height / 2));
  }

  /** So near that the numbers of an operation are seen. */
  approach(id: string): void {
    const place = this.#scene?.placeOf(id);
    if (place === undefined) return;
    const { camera, size } = this.#painter;
    const scale = Math.min(6, Math.max(numbersFrom + 0.5, (0.8 * size.width) / place.width));
    this.#glide(centredOn(place, size, camera.scale >= scale - 0.01 ? 1 : scale));
  }

  #go(camera: Camera): void {
    cancelAnimationFrame(this.#animation);
    this.#isFitted = false;
    this.#painter.move(camera);
    this.#askForNumbers();
  }

  #glide(target: Camera): void {
    cancelAnimationFrame(this.#animation);
    this.#isFitted = false;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#go(target);
      return;
    }
    const start = this.#painter.camera;
    const begun = performance.now();
    const step = (): void => {
      const part = Math.min(1, (performance.now() - begun) / animationTime);
      const eased = part * (2 - part);
      const between = (from: number, to: number): number => from + (to - from) * eased;
      this.#painter.move({
        x: between(start.x, target.x),
        y: between(start.y, target.y),
        scale: between(start.scale, target.scale),
      });
      if (part < 1) this.#animation = requestAnimationFrame(step);
      else this.#askForNumbers();
    };
    step();
  }

  /** Numbers that have room are asked for once. */
  #askForNumbers(): void {
    const trace = current.peek();
    if (trace === undefined) return;
    const wanted = this.#painter.operationsWithRoom().filter((at) => !this.#asked.has(at));
    if (wanted.length === 0) return;
    for (const at of wanted) this.#asked.add(at);
    const values = this.#values;
    void client()
      .call("small", trace.number, wanted, mostNumbers)
      .then((found) => {
        if (values !== this.#values) return;
        const grids = wanted.map((at, i) => [at, gridOf(found[i], trace.model.operations[at]?.shape ?? [])] as const);
        this.#values = new Map([...values, ...grids]);
        this.update();
      });
  }

  #place(event: MouseEvent): { x: number; y: number } {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #at(event: MouseEvent): string | undefined {
    const { x, y } = this.#place(event);
    const { camera } = this.#painter;
    return this.#scene?.at(camera.x + x / camera.scale, camera.y + y / camera.scale);
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const { x, y } = this.#place(event);
    const amount = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 24 * event.deltaY : event.deltaY;
    this.#go(zoomed(this.#painter.camera, Math.exp(-Math.max(-200, Math.min(200, amount)) / 300), x, y));
  }

  down(event: PointerEvent): void {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#place(event));
    if (this.#pointers.size === 1) this.#dragged = 0;
  }

  drag(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = this.#place(event);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    this.#dragged += Math.abs(dx) + Math.abs(dy);
    const { camera } = this.#painter;
    if (this.#pointers.size === 1) {
      if (this.#dragged > 4) this.#go(moved(camera, -dx, -dy));
    } else {
      const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
      const distance = (point: { x: number; y: number }): number => Math.hypot(point.x - other.x, point.y - other.y);
      const factor = distance(before) > 0 ? distance(now) / distance(before) : 1;
      this.#go(moved(zoomed(camera, factor, other.x, other.y), -dx / 2, -dy / 2));
    }
    this.#pointers.set(event.pointerId, now);
  }

  up(event: PointerEvent): void {
    const isLast = this.#pointers.delete(event.pointerId) && this.#pointers.size === 0;
    if (isLast && this.#dragged <= 4 && event.type === "pointerup") this.#choose(this.#at(event));
  }

  #choose(id: string | undefined): void {
    this.#clicked = id;
    select(id);
  }

  twice(event: MouseEvent): void {
    const id = this.#at(event);
    if (id !== undefined) this.#enter(id);
  }

  /** One step nearer: into a group, or to the numbers of an operation. */
  #enter(id: string): void {
    if (operationOf(id) === undefined) toggle(id);
    else this.approach(id);
  }

  key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = arrows[event.key];
    const id = selected.peek();
    if (direction !== undefined) {
      if (event.shiftKey) {
        const [dx, dy] = [
          (direction === "right" ? 1 : 0) - (direction === "left" ? 1 : 0),
          (direction === "down" ? 1 : 0) - (direction === "up" ? 1 : 0),
        ];
        this.#go(moved(this.#painter.camera, keyStep * dx, keyStep * dy));
      } else this.#selectNext(direction);
    } else if (event.key === "+" || event.key === "=") this.zoom(zoomStep);
    else if (event.key === "-") this.zoom(1 / zoomStep);
    else if (event.key === "0") this.fit();
    else if (event.key === "Escape") this.#choose(undefined);
    else if ((event.key === "Enter" || event.key === " ") && id !== undefined) this.#enter(id);
    else return;
    event.preventDefault();
  }

  #selectNext(direction: Direction): void {
    const scene = this.#scene;
    if (scene === undefined) return;
    // From what is selected here, else from what belongs to it.
    const from = [selected.peek(), ...marksOf[this.#pass].peek().keys()].find(
      (id) => id !== undefined && scene.placeOf(id) !== undefined,
    );
    const next = from === undefined ? scene.laid.graph.nodes[0]?.id : scene.next(from, direction);
    this.#clicked = undefined;
    if (next !== undefined) select(next);
  }

  end(): void {
    if (this.#scene !== undefined && !this.#isFitted) {
      lastSeen[this.#pass] = { scene: this.#scene, camera: this.#painter.camera };
    }
    cancelAnimationFrame(this.#animation);
    this.#painter.end();
  }
}

export function GraphCanvas({ pass }: GraphCanvasProps): JSX.Element {
  const element = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const control = useRef<GraphControl | undefined>(undefined);
  const text = t().inspector;

  useEffect(() => {
    const canvas = element.current;
    if (canvas === null || overlay.current === null) return undefined;
    const made = new GraphControl(canvas, overlay.current, pass);
    control.current = made;
    made.resize();
    made.update();
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(canvas);
    // Preact's listeners are passive where the browser takes them so; this one keeps the page where it is.
    const wheel = (event: WheelEvent): void => made.wheel(event);
    canvas.addEventListener("wheel", wheel, { passive: false });
    return () => {
      canvas.removeEventListener("wheel", wheel);
      observer.disconnect();
      made.end();
      control.current = undefined;
    };
  }, [pass]);

  useSignalEffect(() => {
    // Read here so that they are followed before there is a canvas too.
    void [current.value, scenes[pass].value, theme.value, marksOf[pass].value, t()];
    control.current?.update();
    control.current?.reveal();
  });

  const state = useComputed(() => {
    const graph = scenes[pass].value?.laid.graph;
    return graph === undefined ? "" : t().inspector.graphState(graph.nodes.length, graph.edges.length);
  });
  const title = text.passes[pass];
  return (
    <figure class={`inspector-graph inspector-${pass}`}>
      <figcaption>
        <strong>{title}</strong>
        <span class="inspector-muted">{state}</span>
        <span class="inspector-zoom">
          <button
            type="button"
            class="button"
            aria-label={text.zoomIn(title)}
            onClick={() => control.current?.zoom(zoomStep)}
          >
            +
          </button>
          <button
            type="button"
            class="button"
            aria-label={text.zoomOut(title)}
            onClick={() => control.current?.zoom(1 / zoomStep)}
          >
            −
          </button>
          <button type="button" class="button" aria-label={text.fitLabel(title)} onClick={() => control.current?.fit()}>
            {text.fit}
          </button>
        </span>
      </figcaption>
      <div class="inspector-canvas">
        <canvas
          ref={element}
          tabIndex={0}
          role="application"
          aria-label={text.graphLabel(title)}
          aria-describedby="inspector-graph-keys"
          onPointerDown={(event) => control.current?.down(event)}
          onPointerMove={(event) => control.current?.drag(event)}
          onPointerUp={(event) => control.current?.up(event)}
          onPointerCancel={(event) => control.current?.up(event)}
          onDblClick={(event) => control.current?.twice(event)}
          onKeyDown={(event) => control.current?.key(event)}
        />
        <canvas ref={overlay} aria-hidden="true" />
      </div>
    </figure>
  );
}
