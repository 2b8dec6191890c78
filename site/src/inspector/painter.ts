/**
 * Keeps a canvas showing a scene. A move by whole pixels copies what is there and draws only what comes into sight; much
 * that must be drawn at once is drawn in strips, one a frame, so that the page is never held up. Marks are on a canvas of
 * their own above it: to select something draws nothing else again.
 */
import { type Camera, type Size, numbersFrom, seenBy } from "./camera.ts";
import { type Colors, Drawing, type Look, colorsOf } from "./drawing.ts";
import type { Scene } from "./scene.ts";
import type { Rectangle } from "./spatial-index.ts";

/** Nodes and parts of edges that are drawn in one frame. */
const mostAtOnce = 1200;
/** Pixels of the canvas: strips are made of such rows. */
const rowHeight = 16;

export class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #marks: CanvasRenderingContext2D;
  /** What was seen before the scale changed, until all is drawn again. */
  readonly #before = document.createElement("canvas");
  #scene: Scene | undefined;
  #look: Look | undefined;
  #colors: Colors | undefined;
  #camera: Camera = { x: 0, y: 0, scale: 1 };
  #size: Size = { width: 0, height: 0 };
  #ratio = 1;
  /** The camera of what is on the canvas; undefined: nothing of use. */
  #painted: Camera | undefined;
  /** What is on the canvas is not the scene any more. */
  #isStale = true;
  /** Parts of the canvas that are still to be drawn, in its pixels. */
  #strips: Rectangle[] = [];
  #frame = 0;

  /** @param marks lies above the canvas and has its size. */
  constructor(canvas: HTMLCanvasElement, marks: HTMLCanvasElement) {
    this.#canvas = canvas;
    const context = canvas.getContext("2d", { alpha: false });
    const marksContext = marks.getContext("2d");
    if (context === null || marksContext === null) throw new Error("This browser draws no canvas.");
    this.#context = context;
    this.#marks = marksContext;
  }

  get camera(): Camera {
    return this.#camera;
  }

  get size(): Size {
    return this.#size;
  }

  show(scene: Scene | undefined, look: Look): void {
    const before = this.#look;
    const isSame =
      scene === this.#scene &&
      look.theme === before?.theme &&
      look.badges === before.badges &&
      look.values === before.values &&
      look.names === before.names;
    if (look.theme !== before?.theme) this.#colors = undefined;
    this.#scene = scene;
    this.#look = look;
    if (!isSame) this.#isStale = true;
    this.#ask();
  }

  move(camera: Camera): void {
    this.#camera = camera;
    this.#ask();
  }

  resize(size: Size, ratio: number): void {
    this.#size = size;
    this.#ratio = ratio;
    for (const canvas of [this.#canvas, this.#marks.canvas, this.#before]) {
      canvas.width = Math.max(1, Math.round(size.width * ratio));
      canvas.height = Math.max(1, Math.round(size.height * ratio));
    }
    this.#painted = undefined;
    // What was on it is gone: drawn before it is seen.
    this.#paint();
  }

  end(): void {
    cancelAnimationFrame(this.#frame);
  }

  #ask(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const before = this.#painted;
    if (before === undefined || this.#isStale || before.scale !== this.#camera.scale) this.#paintAll(before);
    else this.#paintMoved(before);
    const strip = this.#strips.shift();
    if (strip !== undefined) this.#paintPart(strip);
    if (this.#strips.length > 0) this.#ask();
    this.#paintMarks();
  }

  #paintAll(before: Camera | undefined): void {
    const { width, height } = this.#canvas;
    this.#isStale = false;
    this.#painted = this.#camera;
    this.#strips = this.#stripsOf(width, height);
    if (this.#strips.length > 1 && before !== undefined) this.#stretch(before, this.#camera);
  }

  /** The canvas from top to bottom, in parts with about as much to draw in each. */
  #stripsOf(width: number, height: number): Rectangle[] {
    const all = { x: 0, y: 0, width, height };
    const scene = this.#scene;
    if (scene === undefined) return [all];
    const camera = this.#painted as Camera;
    const zoom = camera.scale * this.#ratio;
    const rows = Math.ceil(height / rowHeight);
    /** By row how many more it has than the one above. */
    const more = new Int32Array(rows + 1);
    const count = ({ y, height: own }: Rectangle): void => {
      const row = (at: number): number =>
        Math.min(rows - 1, Math.max(0, Math.floor(((at - camera.y) * zoom) / rowHeight)));
      more[row(y)] = (more[row(y)] as number) + 1;
      more[row(y + own) + 1] = (more[row(y + own) + 1] as number) - 1;
    };
    const area = this.#areaOf(all);
    for (const node of scene.nodesIn(area)) count(scene.box(node));
    for (const { at } of scene.segmentsIn(area)) count(scene.segmentBox(at));
    const strips: Rectangle[] = [];
    let [top, inRow, inStrip] = [0, 0, 0];
    for (let row = 0; row < rows; row++) {
      inRow += more[row] as number;
      if (inStrip > 0 && inStrip + inRow > mostAtOnce) {
        strips.push({ x: 0, y: top, width, height: row * rowHeight - top });
        [top, inStrip] = [row * rowHeight, 0];
      }
      inStrip += inRow;
    }
    return [...strips, { x: 0, y: top, width, height: height - top }];
  }

  /** What was seen stands for what will be. */
  #stretch(from: Camera, to: Camera): void {
    const { width, height } = this.#canvas;
    const copy = this.#before.getContext("2d");
    if (copy === null) return;
    copy.drawImage(this.#canvas, 0, 0);
    const factor = to.scale / from.scale;
    const zoom = to.scale * this.#ratio;
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.fillStyle = this.#colorsNow().ground;
    this.#context.fillRect(0, 0, width, height);
    this.#context.drawImage(
      this.#before,
      (from.x - to.x) * zoom,
      (from.y - to.y) * zoom,
      width * factor,
      height * factor,
    );
  }

  #paintMoved(before: Camera): void {
    const { width, height } = this.#canvas;
    const zoom = this.#camera.scale * this.#ratio;
    const dx = Math.round((this.#camera.x - before.x) * zoom);
    const dy = Math.round((this.#camera.y - before.y) * zoom);
    if (dx === 0 && dy === 0) return;
    if (Math.abs(dx) >= width || Math.abs(dy) >= height) {
      this.#paintAll(undefined);
      return;
    }
    // What is on the canvas is moved by whole pixels, and the camera with it.
    this.#painted = { x: before.x + dx / zoom, y: before.y + dy / zoom, scale: before.scale };
    this.#strips = this.#strips.map((strip) => ({ ...strip, x: strip.x - dx, y: strip.y - dy }));
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.drawImage(this.#canvas, -dx, -dy);
    if (dx !== 0) this.#paintPart({ x: dx > 0 ? width - dx : 0, y: 0, width: Math.abs(dx), height });
    if (dy !== 0) this.#paintPart({ x: 0, y: dy > 0 ? height - dy : 0, width, height: Math.abs(dy) });
  }

  /** Draws a part of the canvas. */
  #paintPart(part: Rectangle): void {
    const context = this.#context;
    const camera = this.#painted as Camera;
    const zoom = camera.scale * this.#ratio;
    const colors = this.#colorsNow();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.save();
    context.beginPath();
    context.rect(part.x, part.y, part.width, part.height);
    context.clip();
    context.fillStyle = colors.ground;
    context.fillRect(part.x, part.y, part.width, part.height);
    if (this.#scene !== undefined && this.#look !== undefined) {
      context.setTransform(zoom, 0, 0, zoom, -camera.x * zoom, -camera.y * zoom);
      new Drawing(context, this.#scene, this.#look, colors, camera.scale).draw(this.#areaOf(part));
    }
    context.restore();
  }

  #paintMarks(): void {
    const context = this.#marks;
    const { width, height } = this.#canvas;
    const camera = this.#painted as Camera;
    const zoom = camera.scale * this.#ratio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (this.#scene === undefined || this.#look === undefined || this.#look.marks.size === 0) return;
    context.setTransform(zoom, 0, 0, zoom, -camera.x * zoom, -camera.y * zoom);
    const drawing = new Drawing(context, this.#scene, this.#look, this.#colorsNow(), camera.scale);
    drawing.drawMarks(this.#areaOf({ x: 0, y: 0, width, height }));
  }

  /** What of the graph a part of the canvas shows. Lines and marks reach out of their boxes. */
  #areaOf(part: Rectangle): Rectangle {
    const camera = this.#painted as Camera;
    const zoom = camera.scale * this.#ratio;
    const rim = 8 + 4 / camera.scale;
    return {
      x: camera.x + part.x / zoom - rim,
      y: camera.y + part.y / zoom - rim,
      width: part.width / zoom + 2 * rim,
      height: part.height / zoom + 2 * rim,
    };
  }

  #colorsNow(): Colors {
    this.#colors ??= colorsOf(this.#canvas);
    return this.#colors;
  }

  /** Operations that are seen so large that their numbers have room. */
  operationsWithRoom(): number[] {
    if (this.#scene === undefined || this.#camera.scale < numbersFrom) return [];
    const { nodes } = this.#scene.laid.graph;
    return this.#scene.nodesIn(seenBy(this.#camera, this.#size)).flatMap((node) => nodes[node]?.operation ?? []);
  }
}
