/**
 * The table "what works where" of both READMEs, from what the tests noted (test/support.ts). A cell that no test of this
 * run noted stays as it is: a machine may lack a browser or the reference cases.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** @typedef {Record<string, Record<string, string>>} Cells cells by row and column */

const columns = ["js", "native", "wasm", "worker", "page", "page-worker"];
const rows = ["ops", "errors", "modules", "optim", "training", "digits", "vite"];

/** @type {Record<string, { corner: string, columns: string[], rows: string[], yes: string }>} */
const texts = {
  "README.md": {
    corner: "",
    columns: [
      "Node, `js`",
      "Node, `native`",
      "Node, `wasm`",
      "Node, `wasm` in a worker",
      "Chromium, page",
      "Chromium, worker",
    ],
    rows: [
      "operations and gradients as PyTorch's",
      "mistakes are refused as by PyTorch",
      "layers as PyTorch's",
      "optimisers and schedules as PyTorch's",
      "whole training runs as PyTorch's",
      "trains a network on digits",
      "the same, bundled by Vite",
    ],
    yes: "yes",
  },
  "README.zh-CN.md": {
    corner: "",
    columns: [
      "Node，`js`",
      "Node，`native`",
      "Node，`wasm`",
      "Node，worker 里的 `wasm`",
      "Chromium 页面",
      "Chromium worker",
    ],
    rows: [
      "运算和梯度与 PyTorch 一致",
      "错误像 PyTorch 一样被拒绝",
      "层与 PyTorch 一致",
      "优化器和学习率计划与 PyTorch 一致",
      "完整训练与 PyTorch 一致",
      "用手写数字训练网络",
      "同上，用 Vite 打包",
    ],
    yes: "可以",
  },
};

const begin = "<!-- what works where: from the tests, see scripts/support-table.mjs -->";
const end = "<!-- end -->";

/** @param {string} file what `noteSupport` wrote @returns {Cells} */
function readNotes(file) {
  /** @type {Cells} */
  const cells = {};
  if (!existsSync(file)) return cells;
  for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) {
    const { row, column, cell } = JSON.parse(line);
    (cells[row] ??= {})[column] = cell;
  }
  return cells;
}

/** @param {string} name @param {string} text @param {Cells} noted */
function withTable(name, text, noted) {
  const words = texts[name];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (words === undefined || from < 0 || to < from) throw new Error(`${name} has no place for the table`);
  const old = text
    .slice(from + begin.length, to)
    .trim()
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(2, -1)
        .map((cell) => cell.trim()),
    );
  const lines = rows.map((row, i) => {
    const cells = columns.map((column, j) => {
      const cell = noted[row]?.[column];
      return cell === undefined ? (old[i]?.[j] ?? "") : cell === "yes" ? words.yes : cell;
    });
    return `| ${[words.rows[i], ...cells].join(" | ")} |`;
  });
  const head = [`| ${[words.corner, ...words.columns].join(" | ")} |`, `|${" --- |".repeat(columns.length + 1)}`];
  return `${text.slice(0, from)}${begin}\n${[...head, ...lines].join("\n")}\n${text.slice(to)}`;
}

/**
 * Compares the tables with the notes of a run, or writes them. Gives the names of the files that were wrong.
 *
 * @param {string} notes @param {{ write: boolean }} options @returns {string[]}
 */
export function checkSupportTables(notes, { write }) {
  const noted = readNotes(notes);
  return Object.keys(texts).filter((name) => {
    const path = join(root, name);
    const text = readFileSync(path, "utf8");
    const right = withTable(name, text, noted);
    if (right !== text && write) writeFileSync(path, right);
    return right !== text;
  });
}
