// A list of which only the rows on screen exist. It scrolls with the page.
import { observeWindowOffset, observeWindowRect, Virtualizer, windowScroll, type VirtualItem } from '@tanstack/virtual-core';
import { useCallback, useEffect, useLayoutEffect, useReducer, useState } from 'preact/hooks';

interface Options {
  count: number;
  heightOf: (index: number) => number;
  /** Where the list begins on the page, in pixels. */
  top: number;
  /** Height of what stays at the top of the window and would hide rows. */
  covered: number;
}

export interface VirtualList {
  items: VirtualItem[];
  height: number;
  show: (index: number) => void;
}

export function useVirtualList({ count, heightOf, top, covered }: Options): VirtualList {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  // Heights are worked out again when this is another function: cheaper than telling the list to measure, which draws it twice.
  const getItemKey = useCallback((index: number) => index, [heightOf]);
  const options = {
    count,
    getItemKey,
    getScrollElement: () => window,
    estimateSize: heightOf,
    scrollMargin: top,
    scrollPaddingStart: covered,
    scrollPaddingEnd: 8,
    overscan: 6,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    initialOffset: () => scrollY,
    onChange: () => draw(undefined),
  };
  const [list] = useState(() => new Virtualizer<Window, Element>(options));
  list.setOptions(options);
  useEffect(() => list._didMount(), []);
  useLayoutEffect(() => list._willUpdate());
  return { items: list.getVirtualItems(), height: list.getTotalSize(), show: (index) => list.scrollToIndex(index, { align: 'auto' }) };
}
