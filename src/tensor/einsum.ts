/** Einstein's summation: products and sums told by letters. Floor: tensor. */
import { TwopassError, describe, showShape } from "../base/errors.ts";
import type { Value } from "../ir/value.ts";
import { diagonal } from "../ops/composite/layout.ts";
import { kit } from "../ops/kit.ts";
import { checkTensor, promoteTensors } from "./arguments.ts";
import { resultOf } from "./joining.ts";
import type { Tensor } from "./tensor.ts";

/** A tensor whose dims have names: letters, and ".0", ".1", ... for what "..." stands for, counted from the last. */
interface Term {
  readonly value: Value;
  readonly names: readonly string[];
}

/**
 * Sums of products: `equation` names the dims of each operand and of the result; a name that the result lacks is summed
 * over. "..." stands for dims that broadcast; a name twice in one operand takes the diagonal. Without "->" the result has
 * the names that come once, in alphabetical order, behind "...". Operands are contracted from left to right.
 *
 * @throws if an operand's dims and names differ in number, extents of one name differ, or the result names something unknown.
 * @example
 * await einsum("ij,jk->ik", tensor([[1, 2]]), tensor([[3], [4]])).array(); // [[11]]
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  if (typeof equation !== "string") {
    throw new TwopassError({ op: "einsum", problem: "the equation comes first", facts: `got ${describe(equation)}` });
  }
  operands.forEach((x, i) => checkTensor("einsum", `operand ${i}`, x));
  const [left = "", right, ...more] = equation.replaceAll(" ", "").split("->");
  const texts = left.split(",");
  if (more.length > 0 || texts.length !== operands.length || operands.length === 0) {
    throw new TwopassError({
      op: "einsum",
      problem: "the equation does not fit the operands",
      facts: `"${equation}" has ${texts.length} on the left, there are ${operands.length}`,
      hint: 'write "ij,jk->ik"',
    });
  }
  const values = promoteTensors("einsum", operands);
  const named = texts.map((text, i) => ({ value: values[i] as Value, names: namesOf(text, values[i] as Value, i) }));
  const wanted = wantedNames(equation, right, named);
  const extents = extentsOf(equation, named);
  const terms = named.map((term) => simplified(term, extents));
  const product = terms.reduce((a, b, i) => {
    const later = new Set([...wanted, ...terms.slice(i + 1).flatMap((term) => term.names)]);
    return contracted(summed(a, new Set([...later, ...b.names])), summed(b, new Set([...later, ...a.names])), later);
  });
  const { value, names } = summed(product, new Set(wanted));
  return resultOf(
    kit.permute(
      value,
      wanted.map((name) => names.indexOf(name)),
    ),
    operands,
  );
}

/** The names of an operand's dims. */
function namesOf(text: string, x: Value, i: number): string[] {
  const [before = "", after, ...more] = text.split("...");
  const letters = before + (after ?? "");
  const hidden = x.shape.length - letters.length;
  if (more.length > 0 || !/^[A-Za-z]*$/.test(letters) || (after === undefined ? hidden !== 0 : hidden < 0)) {
    throw new TwopassError({
      op: "einsum",
      problem: "the names do not fit the operand",
      facts: `"${text}" for operand ${i} of shape ${showShape(x.shape)}`,
      hint: 'one letter for each dim, or "..." for several',
      shapes: [x.shape],
    });
  }
  return [...before.split(""), ...(after === undefined ? [] : dotNames(hidden)), ...(after ?? "").split("")];
}

function dotNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `.${count - 1 - i}`);
}

/** The names of the result's dims. */
function wantedNames(equation: string, right: string | undefined, terms: readonly Term[]): string[] {
  const all = terms.flatMap((term) => term.names);
  const dots = dotNames(new Set(all.filter((name) => name.length > 1)).size);
  if (right === undefined) {
    const once = all.filter((name) => name.length === 1 && all.indexOf(name) === all.lastIndexOf(name));
    return [...dots, ...once.sort()];
  }
  const [before = "", after, ...more] = right.split("...");
  const names = [...before.split(""), ...(after === undefined ? [] : dots), ...(after ?? "").split("")];
  const bad = names.find((name, i) => !all.includes(name) || names.indexOf(name) !== i);
  if (bad === undefined && more.length === 0) return names;
  throw new TwopassError({
    op: "einsum",
    problem:
      bad !== undefined && all.includes(bad) ? "the result names a dim twice" : "the result names an unknown dim",
    facts: `"${bad ?? "..."}" in "${equation}"`,
  });
}

/** The extent of each name; 1 broadcasts. */
function extentsOf(equation: string, terms: readonly Term[]): Map<string, number> {
  const extents = new Map<string, number>();
  for (const { value, names } of terms) {
    names.forEach((name, d) => {
      const n = value.shape[d] as number;
      const known = extents.get(name) ?? 1;
      if (n !== 1 && known !== 1 && n !== known) {
        throw new TwopassError({
          op: "einsum",
          problem: "extents of one name differ",
          facts: `${name.length === 1 ? `"${name}"` : '"..."'} is ${known} and ${n} in "${equation}"`,
          shapes: terms.map((term) => term.value.shape),
        });
      }
      extents.set(name, n === 1 ? known : n);
    });
  }
  return extents;
}

/** Each name once, by diagonals; without dims of extent 1 that others repeat. */
function simplified({ value, names }: Term, extents: ReadonlyMap<string, number>): Term {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    const a = names.indexOf(twice);
    const b = names.indexOf(twice, a + 1);
    const rest = names.map((_, i) => i).filter((i) => i !== a && i !== b);
    const n = extents.get(twice) as number;
    const moved = kit.permute(value, [...rest, a, b]);
    // A dim of extent 1 beside a larger one of the same name broadcasts, here too.
    const square = kit.expand(moved, [
      ...moved.shape.slice(0, -2),
      ...moved.shape.slice(-2).map((m) => (m === 1 ? n : m)),
    ]);
    return simplified(
      { value: diagonal(kit, square, 0), names: [...rest.map((i) => names[i] as string), twice] },
      extents,
    );
  }
  const kept = names.map((_, i) => i).filter((i) => value.shape[i] === extents.get(names[i] as string));
  return {
    value: kit.reshape(
      value,
      kept.map((i) => value.shape[i] as number),
    ),
    names: kept.map((i) => names[i] as string),
  };
}

/** Summed over all names that nobody needs. */
function summed({ value, names }: Term, needed: ReadonlySet<string>): Term {
  const dims = names.map((_, i) => i).filter((i) => !needed.has(names[i] as string));
  return { value: kit.sum(value, dims), names: names.filter((name) => needed.has(name)) };
}

/** The product of two terms, summed over the names of both that are not needed later. */
function contracted(a: Term, b: Term, later: ReadonlySet<string>): Term {
  const common = a.names.filter((name) => b.names.includes(name));
  const batch = common.filter((name) => later.has(name));
  const inner = common.filter((name) => !later.has(name));
  const free = (term: Term): string[] => term.names.filter((name) => !common.includes(name));
  const [freeA, freeB] = [free(a), free(b)];
  const names = [...batch, ...freeA, ...freeB];
  const at = (term: Term, list: readonly string[]): number[] => list.map((name) => term.names.indexOf(name));
  if (inner.length === 0) {
    // Nothing is summed: a product element by element, which fuses with its neighbours.
    const x = kit.permute(a.value, at(a, [...batch, ...freeA]));
    const y = kit.permute(b.value, at(b, [...batch, ...freeB]));
    const split = [...y.shape.slice(0, batch.length), ...freeA.map(() => 1), ...y.shape.slice(batch.length)];
    return { value: kit.mul(kit.reshape(x, [...x.shape, ...freeB.map(() => 1)]), kit.reshape(y, split)), names };
  }
  const dims = { batchA: at(a, batch), batchB: at(b, batch), contractA: at(a, inner), contractB: at(b, inner) };
  return { value: kit.dot(a.value, b.value, dims), names };
}
