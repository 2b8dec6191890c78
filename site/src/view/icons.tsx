/** Signs for buttons, drawn on a grid of 16 in the colour of the text. */
import type { JSX } from "preact";

const paths = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  stop: "M3.5 3.5h9v9h-9z",
  stepForward: "M3 3v10l7-5zM11 3h2v10h-2z",
  stepBack: "M13 3v10L6 8zM3 3h2v10H3z",
  phaseForward: "M2 3v10l5-5zM7 3v10l5-5zM12.5 3H14v10h-1.5z",
  reset: "M8 3a5 5 0 1 1-4.6 3l1.4.6A3.5 3.5 0 1 0 8 4.5V7L4.5 3.8 8 .6z",
  plus: "M7.2 3h1.6v4.2H13v1.6H8.8V13H7.2V8.8H3V7.2h4.2z",
  minus: "M3 7.2h10v1.6H3z",
  close: "M4 2.9 8 6.9l4-4L13.1 4l-4 4 4 4-1.1 1.1-4-4-4 4L2.9 12l4-4-4-4z",
  up: "M8 4l5 6.5H3z",
  down: "M8 12 3 5.5h10z",
  left: "M4 8l6.5-5v10z",
  right: "M12 8 5.5 3v10z",
  help: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zm0 1.4a5.1 5.1 0 1 0 0 10.2A5.1 5.1 0 0 0 8 2.9zM7.2 10.3h1.5v1.5H7.2zM8 4.2c1.5 0 2.5.9 2.5 2.1 0 1.5-1.8 1.7-1.8 3H7.3c0-2 1.7-2.1 1.7-3 0-.5-.4-.8-1-.8s-1 .4-1.1 1H5.5c.1-1.4 1-2.3 2.5-2.3z",
  edit: "M11.5 1.8l2.7 2.7-8.6 8.6-3.4.7.7-3.4z",
  trash: "M6 1.5h4l.6 1H14V4H2V2.5h3.4zM3 5h10l-.8 9.5H3.8z",
  light:
    "M8 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM7.3.5h1.4v2.5H7.3zM7.3 13h1.4v2.5H7.3zM.5 7.3H3v1.4H.5zM13 7.3h2.5v1.4H13z",
  dark: "M6.5 1.5A6.5 6.5 0 1 0 14.5 9.5 5.5 5.5 0 0 1 6.5 1.5z",
  system: "M1.5 2.5h13v9h-5v1.5h2v1h-7v-1h2v-1.5h-5zM3 4v6h10V4z",
  file: "M3 1.5h6.5L13 5v9.5H3zM9 3v2.5h2.5z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}
