// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { readTable } from "../../factory/device-table";

const COLUMNS = ["id", "key", "name"];

test("rows, with their lines; empty cells are left out", () => {
  const { rows, problems } = readTable('\ufeffid, key\r\n\r\na,"x,""y"""\r\nc,d,e\r\nb,\r\n', COLUMNS);
  expect(problems).toEqual([{ line: 4, column: undefined, message: "it has 3 cells, the header has 2" }]);
  expect(rows.map(({ line, cells }) => [line, ...cells])).toEqual([
    [3, ["id", "a"], ["key", 'x,"y"']],
    [5, ["id", "b"]],
  ]);
});

test.each([
  ["commas", "id,key,name\na,b,c\n"],
  ["semicolons", "id;key;name\na;b;c\n"],
  ["tabs", "id\tkey\tname\na\tb\tc\n"],
  ["a line for Excel", "sep=;\r\nid;key;name\r\na;b;c\r\n"],
  ["quotes around the names", '"id";"key";"name"\n"a";"b";"c"\n'],
  ["other case, and a separator at the end of each line", "ID,Key,NAME,\na,b,c,\n"],
])("a table with %s", (_name, text) => {
  const { rows, problems } = readTable(text, COLUMNS);
  expect(problems).toEqual([]);
  expect(rows.map(({ cells }) => Object.fromEntries(cells))).toEqual([{ id: "a", key: "b", name: "c" }]);
});

test("the separator of the header holds for all lines: others are part of a cell", () => {
  expect(readTable("id;key\na,b;c\td\n", COLUMNS).rows[0]?.cells).toEqual(
    new Map([
      ["id", "a,b"],
      ["key", "c\td"],
    ]),
  );
});

test("rows of commas, which a spreadsheet leaves behind, are skipped", () => {
  expect(readTable("id,key\na,b\n,\n ,\n", COLUMNS)).toMatchObject({ rows: [{ line: 2 }], problems: [] });
});

test.each<[string, string, number, string]>([
  ["nothing", "", 1, "it is empty; the first line names the columns: id, key, name"],
  ["a header alone", "id,key\n", 1, "there is no device"],
  ["an unknown column", "id,kye\na,secret\n", 1, '"kye" is no column; known: id, key, name'],
  ["no header", "a,secret\n", 1, "it names no column; give a header first, known: id, key, name"],
  ["a key among the columns", "id,key,c2VjcmV0secret=\n", 1, "what names column 3 is no column; known: id"],
  ["a column twice", "id,id\na,secret\n", 1, "the column is there twice"],
  ["a separator that is none", "id|key\na|secret\n", 1, "it names no column; give a header first"],
  ["a column twice, in another case", "id,ID\na,secret\n", 1, "the column is there twice"],
  ["a cell without a column", "id,\na,secret\n", 2, "cell 2 is in a column without a name"],
  ["a line behind sep=", "sep=;\nid;key\na\n", 3, "it has 1 cells, the header has 2"],
  ["a cell too few", "id,key\na,secret\nb\n", 3, "it has 1 cells, the header has 2"],
  ["an open quote", 'id,key\na,"secret\n', 2, "the quotes are wrong"],
  ["a quote inside", 'id,key\na,secret"x\n', 2, "the quotes are wrong"],
  ["text behind a quote", 'id,key\na,"secret"x\n', 2, "the quotes are wrong"],
])("%s is told with its line, and no value is shown", (_name, text, line, message) => {
  const { problems } = readTable(text, COLUMNS);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ line, message: expect.stringContaining(message) });
  expect(JSON.stringify(problems)).not.toContain("secret");
});
