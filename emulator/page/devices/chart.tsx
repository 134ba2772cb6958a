// SPDX-License-Identifier: MIT
/** Lines over time, drawn by uPlot; a table of the last values says the same to who does not see them. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { timeOfDay } from "../parts/time";
import type { Series } from "./numbers";

const HEIGHT = 190;
/** With the text's contrast in both schemes. */
const COLOURS = ["#0a7d8c", "#b5560a", "#7a4fc2", "#2d8a4e", "#c23a6b", "#6b7a1e"];

export function Chart({ series, label }: { series: Series; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const names = [...series.values.keys()];
  const key = names.join("\n");
  const data = [series.times, ...series.values.values()] as uPlot.AlignedData;
  useEffect(() => {
    const element = box.current!;
    const colour = getComputedStyle(element).color;
    const axis = { stroke: colour, grid: { stroke: "#80808033", width: 1 }, ticks: { stroke: "#80808033" } };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        series: [
          {},
          ...names.map((name, at) => ({
            label: name,
            stroke: COLOURS[at]!,
            width: 1.5,
            points: { size: 4 },
          })),
        ],
        axes: [
          {
            ...axis,
            values: (_plot, times) => times.map((time) => timeOfDay(time * 1000).slice(0, 8)),
            space: 80,
          },
          { ...axis, size: 48 },
        ],
        legend: { live: false },
        cursor: { show: false },
      },
      data,
      element,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [key]);
  useEffect(() => plot.current?.setData(data), [series]);
  const last = names.map((name) => `${name} ${series.values.get(name)?.findLast((value) => value !== null)}`);
  return <div ref={box} class="chart" role="img" aria-label={`${label}. Last: ${last.join(", ")}`} />;
}
