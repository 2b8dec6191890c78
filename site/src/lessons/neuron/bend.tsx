/** The curve of an activation, with the neuron's place on it and the tangent there. */
import type { JSX } from "preact";
import type { ActivationCurve } from "./lab.ts";

interface BendProps {
  readonly label: string;
  readonly curve: ActivationCurve | undefined;
  readonly z: number;
  readonly a: number;
  readonly slope: number;
}

/** Of z; and the highest a that is drawn. */
const most = 6;

export function Bend({ label, curve, z, a, slope }: BendProps): JSX.Element {
  const isHigh = curve?.a.some((value) => value > 1.5) === true;
  const [top, bottom] = isHigh ? [most, -1.5] : [1.2, -1.2];
  const x = (at: number): number => 10 + (140 * (at + most)) / most;
  const y = (at: number): number => 10 + (150 * (top - at)) / (top - bottom);
  const path = Array.from(curve?.z ?? [], (at, i) => `${i === 0 ? "M" : "L"}${x(at)} ${y(curve?.a[i] as number)}`);
  // What lies outside has its dot at the edge.
  const shown = Math.max(-most, Math.min(most, z));
  const height = Math.max(bottom, Math.min(top, a));
  const isInside = shown === z;
  const [from, to] = [z - 1.5, z + 1.5];
  const ones = isHigh ? [0, 2, 4] : [-1, 0, 1];
  return (
    <svg class="bend" viewBox="0 0 300 172" role="img" aria-label={label}>
      <path class="bend-axis" d={`M10 ${y(0)}H290M150 10V160`} />
      {ones.map((one) => (
        <text key={one} x="146" y={y(one) + 4} text-anchor="end">
          {String(one).replace("-", "−")}
        </text>
      ))}
      {[-4, -2, 2, 4].map((one) => (
        <text key={one} x={x(one)} y={y(0) + 13} text-anchor="middle">
          {String(one).replace("-", "−")}
        </text>
      ))}
      <text x="292" y={y(0) - 5} text-anchor="end">
        z
      </text>
      <text x="156" y="17">
        a
      </text>
      <path d={path.join("")} />
      {isInside ? (
        <path class="bend-tangent" d={`M${x(from)} ${y(a - 1.5 * slope)}L${x(to)} ${y(a + 1.5 * slope)}`} />
      ) : undefined}
      {Number.isNaN(z) ? undefined : <circle cx={x(shown)} cy={y(height)} r="4.5" />}
    </svg>
  );
}
