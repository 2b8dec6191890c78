/** The sections of reference cases as trials: what each needs of the library, and how it is run. */
import { adapterOf } from "./adapters/index.ts";
import { exportedClass } from "./api.ts";
import { type ModuleCase, missingModules, runModule } from "./modules.ts";
import { type ErrorsCase, type OpsCase, runError, runOp } from "./ops.ts";
import { type OptimCase, missingOptim, nameOfOptim, runOptim } from "./optim.ts";
import type { SectionName } from "./options.ts";
import { type CaseBase, Section, type TensorLookup } from "./reader.ts";
import type { CaseName } from "./report.ts";
import type { Outcome } from "./result.ts";
import type { Missing } from "./skips.ts";
import { type TrainingCase, missingModel, runTraining } from "./training.ts";

export interface Trial extends CaseName {
  /** What the library lacks for it. */
  missing(): Missing | undefined;
  run(): Promise<Outcome>;
}

export function trialsOf(name: SectionName, dir: string): Trial[] {
  switch (name) {
    case "ops":
      return calls<OpsCase>(new Section(dir, name), name, runOp);
    case "errors":
      return calls<ErrorsCase>(new Section(dir, name), name, runError);
    case "optim": {
      const section = new Section<OptimCase>(dir, name);
      return section.cases.map((one) => ({
        section: name,
        family: one.kind,
        name: nameOfOptim(one),
        id: one.id,
        missing: () => missingOptim(one),
        run: () => runOptim(one, section.tensorsOf(one)),
      }));
    }
    case "modules": {
      const section = new Section<ModuleCase>(dir, name);
      return section.cases.map((one) => ({
        section: name,
        family: "",
        name: one.module,
        id: one.id,
        missing: () => missingModules(one),
        run: () => runModule(one, section.tensorsOf(one)),
      }));
    }
    case "training": {
      const section = new Section<TrainingCase>(dir, name);
      return section.cases.map((one) => ({
        section: name,
        family: "",
        name: one.model,
        id: one.id,
        missing: () => missingModel(one),
        run: () => runTraining(one, section.tensorsOf(one), (prefix) => section.namesOf(one, prefix)),
      }));
    }
  }
}

function calls<Case extends CaseBase & { readonly op: string; readonly family: string }>(
  section: Section<Case>,
  name: SectionName,
  run: (one: Case, reference: TensorLookup) => Promise<Outcome>,
): Trial[] {
  return section.cases.map((one) => ({
    section: name,
    family: one.family,
    name: one.op,
    id: one.id,
    missing: () => missingOp(one.op),
    run: () => run(one, section.tensorsOf(one)),
  }));
}

function missingOp(op: string): Missing | undefined {
  const adapter = adapterOf(op);
  return adapter.available() ? undefined : { list: "ops", name: op, needs: adapter.needs };
}

/** Whether the library has something that skips.ts lists. */
export function isAvailable({ list, name }: Pick<Missing, "list" | "name">): boolean {
  if (list === "ops") return missingOp(name) === undefined;
  if (list === "training") return false;
  return exportedClass(list === "modules" ? "nn" : "optim", name) !== undefined;
}
