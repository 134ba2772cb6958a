// SPDX-License-Identifier: MIT
/** A list box of rows of one height, of which only those in sight exist; it goes along with its end until it is scrolled. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows drawn above and below those in sight. */
const MARGIN = 8;

/** What the list is made of. */
export interface VirtualListProps {
  label: string;
  count: number;
  rowHeight: number;
  /** Tells one row from another when the list grows at its front or end. */
  keyOf(at: number): number | string;
  /** Its text is the row's name for those who hear the list. */
  render(at: number): ComponentChildren;
  /** Of the row that is chosen; -1 for none. */
  chosen: number;
  onChoose(at: number): void;
  /** Stays at the end while the list grows. */
  follows: boolean;
  onFollow(follows: boolean): void;
  empty: ComponentChildren;
}

export function VirtualList(props: VirtualListProps) {
  const { label, count, rowHeight, chosen, follows } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  useEffect(() => {
    const element = box.current!;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (follows && box.current) box.current.scrollTop = count * rowHeight;
  }, [follows, count, rowHeight, height]);
  const first = Math.max(0, Math.floor(top / rowHeight) - MARGIN);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + MARGIN);
  const choose = (at: number) => {
    const next = Math.max(0, Math.min(count - 1, at));
    props.onFollow(false);
    props.onChoose(next);
    const element = box.current!;
    if (next * rowHeight < element.scrollTop) element.scrollTop = next * rowHeight;
    else if ((next + 1) * rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = (next + 1) * rowHeight - element.clientHeight;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const at = {
      ArrowDown: chosen + 1,
      ArrowUp: chosen < 0 ? count - 1 : chosen - 1,
      PageDown: chosen + page,
      PageUp: chosen - page,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (at === undefined || count === 0) return;
    event.preventDefault();
    choose(at);
  };
  const rows = [];
  for (let at = first; at < end; at++)
    rows.push(
      <div
        key={props.keyOf(at)}
        id={`row-${props.keyOf(at)}`}
        role="option"
        aria-selected={at === chosen}
        aria-setsize={count}
        aria-posinset={at + 1}
        class={at === chosen ? "row chosen" : "row"}
        style={{ top: `${at * rowHeight}px`, height: `${rowHeight}px` }}
        onClick={() => choose(at)}
      >
        {props.render(at)}
      </div>,
    );
  return (
    <div class="list-frame">
      {count === 0 && <div class="empty">{props.empty}</div>}
      <div
        ref={box}
        class="list"
        role="listbox"
        tabIndex={0}
        aria-label={label}
        aria-activedescendant={chosen >= first && chosen < end ? `row-${props.keyOf(chosen)}` : undefined}
        onKeyDown={onKeyDown}
        onWheel={(event) => event.deltaY < 0 && props.onFollow(false)}
        onTouchMove={() => props.onFollow(false)}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          setTop(scrollTop);
          if (scrollTop + clientHeight >= scrollHeight - 2 && count > 0 && !follows && chosen < 0)
            props.onFollow(true);
        }}
      >
        <div class="list-content" role="presentation" style={{ height: `${count * rowHeight}px` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
