/** The lists of cases of the records that are not elementwise. */
import type { Table } from "../../../src/ops/table.ts";
import type { Family } from "./case.ts";
import * as choices from "./choices.ts";
import * as composites from "./composites.ts";
import * as contractions from "./contractions.ts";
import * as folds from "./folds.ts";
import { loop } from "./loops.ts";
import * as moves from "./moves.ts";

/** By the table's own names. A record that is neither elementwise nor here fails the sweep. */
export const families: Readonly<Partial<Record<keyof Table, Family>>> = {
  ...moves,
  ...folds,
  ...contractions,
  ...choices,
  ...composites,
  loop,
};
