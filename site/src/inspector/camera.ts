/** What part of a graph is seen: places of the graph and places on the screen. */
import type { Rectangle } from "./spatial-index.ts";

export interface Camera {
  /** What stands in the upper left corner of the screen. */
  readonly x: number;
  readonly y: number;
  /** CSS pixels for one unit of the graph. */
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const leastScale = 0.02;
export const mostScale = 8;
/** From which scale on the numbers of an operation stand in its box. */
export const numbersFrom = 2;

/** All of a graph, not larger than life. */
export function fitting(graph: Size, screen: Size): Camera {
  const scale = Math.max(
    leastScale,
    Math.min(1, screen.width / Math.max(1, graph.width), screen.height / Math.max(1, graph.height)),
  );
  return centredOn({ x: 0, y: 0, ...graph }, screen, scale);
}

export function centredOn({ x, y, width, height }: Rectangle, screen: Size, scale: number): Camera {
  return { x: x + width / 2 - screen.width / scale / 2, y: y + height / 2 - screen.height / scale / 2, scale };
}

/** Nearer or farther by a factor; what is at a place of the screen stays there. */
export function zoomed(camera: Camera, factor: number, x: number, y: number): Camera {
  const scale = Math.min(mostScale, Math.max(leastScale, camera.scale * factor));
  return {
    x: camera.x + x / camera.scale - x / scale,
    y: camera.y + y / camera.scale - y / scale,
    scale,
  };
}

/** By CSS pixels. */
export function moved(camera: Camera, dx: number, dy: number): Camera {
  return { ...camera, x: camera.x + dx / camera.scale, y: camera.y + dy / camera.scale };
}

/** The part of the graph that a screen shows. */
export function seenBy({ x, y, scale }: Camera, { width, height }: Size): Rectangle {
  return { x, y, width: width / scale, height: height / scale };
}

/** The least move that brings a rectangle onto the screen; of one that is too large its middle. */
export function showing(camera: Camera, box: Rectangle, screen: Size): Camera {
  const seen = seenBy(camera, screen);
  const margin = Math.min(24, screen.width / 8) / camera.scale;
  const along = (from: number, room: number, start: number, length: number): number => {
    if (length + 2 * margin > room) return start + length / 2 - room / 2;
    if (start - margin < from) return start - margin;
    return start + length + margin > from + room ? start + length + margin - room : from;
  };
  return {
    x: along(seen.x, seen.width, box.x, box.width),
    y: along(seen.y, seen.height, box.y, box.height),
    scale: camera.scale,
  };
}
