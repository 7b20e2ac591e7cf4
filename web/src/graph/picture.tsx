// The picture itself: an SVG to look at, move and enlarge, whose boxes can be chosen, and the same in words.
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Icon } from '../parts/icons';
import { useNarrow, usePrinting } from '../parts/media';
import { count } from '../text';
import { curve, place, type Layout } from './layout';
import { sentences, type Box, type Model } from './model';

interface Props {
  model: Model;
  chosen: string | null;
  onChoose: (box: Box | null) => void;
  describe: string;
}

const smallest = 0.15;
const largest = 3;

interface View { x: number; y: number; scale: number }

export function Picture({ model, chosen, onChoose, describe }: Props) {
  const isNarrow = useNarrow();
  const isPrinting = usePrinting();
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const shape = useMemo(() => JSON.stringify([model.boxes.map((box) => [box.id, box.label]), model.arrows.map((arrow) => [arrow.from, arrow.to, arrow.label])]), [model]);
  const direction = isNarrow ? 'TB' : 'LR';
  const layout = useMemo(() => place(model, direction), [shape, direction]);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const [height, setHeight] = useState(320);
  const drag = useRef<{ x: number; y: number; view: View; id: number; isMoved: boolean } | null>(null);

  const fit = (least: number) => {
    // The observer may still call when the picture is gone.
    const width = frame.current?.clientWidth;
    if (width === undefined)
      return;
    const most = Math.max(260, Math.min(innerHeight * 0.68, 680));
    // Larger than it is drawn, nothing gets clearer.
    const scale = Math.min(1, Math.max(width / layout.width, least));
    const next = Math.max(140, Math.min(most, layout.height * scale + 8));
    setHeight(next);
    setView({ scale, x: Math.max(0, (width - layout.width * scale) / 2), y: Math.max(0, (next - layout.height * scale) / 2) });
  };
  // Smaller text than this cannot be read: what does not fit is moved into sight instead.
  const begin = () => fit(isNarrow ? 0.72 : 0.8);
  const whole = () => fit(smallest);
  useLayoutEffect(begin, [layout]);
  useEffect(() => {
    const box = frame.current;
    if (box === null)
      return;
    let width = box.clientWidth;
    // It tells the first size, too, and every height that is set here: only another width asks for another view.
    const watch = new ResizeObserver(() => {
      if (box.clientWidth === width)
        return;
      width = box.clientWidth;
      begin();
    });
    watch.observe(frame.current!);
    return () => watch.disconnect();
  }, [layout]);
  useEffect(() => {
    const lit = layout.boxes.filter((box) => model.boxes.some((now) => now.id === box.item.id && now.isLit));
    if (lit.length === 0)
      return;
    const left = Math.min(...lit.map((box) => box.x - box.width / 2));
    const right = Math.max(...lit.map((box) => box.x + box.width / 2));
    const top = Math.min(...lit.map((box) => box.y - box.height / 2));
    const bottom = Math.max(...lit.map((box) => box.y + box.height / 2));
    // The size is told once more after the picture is gone.
    if (frame.current === null)
      return;
    const { clientWidth, clientHeight } = frame.current;
    // A lit box that is out of sight is of no use.
    setView((now) => ({ ...now, x: into(now.x, now.scale, left, right, clientWidth), y: into(now.y, now.scale, top, bottom, clientHeight) }));
  }, [model, layout]);

  const zoom = (factor: number, at?: { x: number; y: number }) => setView((now) => {
    const box = frame.current!;
    const centre = at ?? { x: box.clientWidth / 2, y: box.clientHeight / 2 };
    const scale = Math.max(smallest, Math.min(largest, now.scale * factor));
    const ratio = scale / now.scale;
    return { scale, x: centre.x - (centre.x - now.x) * ratio, y: centre.y - (centre.y - now.y) * ratio };
  });
  useEffect(() => {
    const box = frame.current!;
    // Only with Ctrl, as browsers enlarge: a wheel that is turned to read on must scroll the page.
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey)
        return;
      event.preventDefault();
      const edge = box.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 300), { x: event.clientX - edge.left, y: event.clientY - edge.top });
    };
    box.addEventListener('wheel', wheel, { passive: false });
    return () => box.removeEventListener('wheel', wheel);
  }, []);
  const keys = (event: KeyboardEvent) => {
    const actions: Record<string, () => void> = {
      '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), '0': whole,
    };
    const action = actions[event.key];
    if (action !== undefined && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      action();
    } else if (event.key === 'Escape' && chosen !== null) {
      event.preventDefault();
      onChoose(null);
    }
  };
  const down = (event: PointerEvent) => {
    if (event.button === 0)
      drag.current = { x: event.clientX, y: event.clientY, view, id: event.pointerId, isMoved: false };
  };
  const moved = (event: PointerEvent) => {
    const from = drag.current;
    if (from === null || from.id !== event.pointerId)
      return;
    const dx = event.clientX - from.x;
    const dy = event.clientY - from.y;
    if (!from.isMoved && Math.hypot(dx, dy) < 5)
      return;
    if (!from.isMoved)
      frame.current!.setPointerCapture(event.pointerId);
    from.isMoved = true;
    setView({ ...from.view, x: from.view.x + dx, y: from.view.y + dy });
  };
  const up = () => {
    // The click that ends a move chooses nothing.
    setTimeout(() => { drag.current = null; });
  };
  const choose = (box: Box) => {
    if (drag.current?.isMoved !== true)
      onChoose(chosen === box.id ? null : box);
  };
  const transform = isPrinting ? undefined : `translate(${view.x.toFixed(1)} ${view.y.toFixed(1)}) scale(${view.scale.toFixed(3)})`;
  const hasLit = model.boxes.some((box) => box.isLit);
  return (
    <figure class={`picture ${hasLit ? 'has-lit' : ''}`}>
      <div class="picture-frame" ref={frame} style={isPrinting ? {} : { height: `${height}px` }} onKeyDown={keys} onPointerDown={down} onPointerMove={moved} onPointerUp={up} onPointerCancel={up}>
        <svg role="group" aria-labelledby={`${id}-title ${id}-desc`} width="100%" height="100%" viewBox={isPrinting ? `0 0 ${layout.width} ${layout.height}` : undefined}>
          <title id={`${id}-title`}>{describe}</title>
          <desc id={`${id}-desc`}>{`${count(model.boxes.length, 'box', 'boxes')} and ${count(model.arrows.length, 'arrow')}; the list below the picture says the same in words.`}</desc>
          <Markers id={id} />
          <g transform={transform}><Drawing layout={layout} model={model} id={id} chosen={chosen} onChoose={choose} /></g>
        </svg>
      </div>
      <figcaption>
        <ul class="legend" aria-label="What lines and boxes mean">
          <li class="tone-bad">dropped or rejected</li><li class="tone-masquerade">masqueraded</li><li class="tone-unknown">unknown</li><li class="tone-good">endpoint</li>
        </ul>
        <div class="picture-tools">
          <button type="button" onClick={() => zoom(1.25)} aria-label="Closer" title="Closer (+)"><Icon name="plus" /></button>
          <button type="button" onClick={() => zoom(0.8)} aria-label="Further" title="Further (−)"><Icon name="minus" /></button>
          <button type="button" onClick={whole} aria-label="All of it" title="All of it (0)"><Icon name="whole" /></button>
        </div>
        <details class="in-words"><summary>The picture in words</summary><ul>{sentences(model).map((sentence, at) => <li key={at}>{sentence}</li>)}</ul></details>
      </figcaption>
    </figure>
  );
}

/** The nearest offset with which what is from `start` to `end` is within `size`; its end where it is too long for that. */
function into(offset: number, scale: number, start: number, end: number, size: number): number {
  const edge = 12;
  if (start * scale + offset >= 0 && end * scale + offset <= size)
    return offset;
  const isFitting = (end - start) * scale + 2 * edge <= size;
  return isFitting && start * scale + offset < 0 ? edge - start * scale : size - edge - end * scale;
}

function Markers({ id }: { id: string }) {
  return (
    <defs>
      {['plain', 'bad', 'masquerade', 'unknown', 'good'].map((tone) => (
        <marker key={tone} id={`${id}-${tone}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse">
          <path class={`tip tone-${tone}`} d="M0 0.5L8 4 0 7.5z" />
        </marker>
      ))}
    </defs>
  );
}

function Drawing({ layout, model, id, chosen, onChoose }: { layout: Layout; model: Model; id: string; chosen: string | null; onChoose: (box: Box) => void }) {
  // The layout is kept while only what is lit changes: boxes and arrows of the model now are looked up.
  const boxes = new Map(model.boxes.map((box) => [box.id, box]));
  const arrows = new Map(model.arrows.map((arrow) => [arrow.index, arrow]));
  return (
    <>
      {layout.arrows.map(({ item, points, label, lines }) => {
        const now = arrows.get(item.index) ?? item;
        return (
          <g key={item.index} class={`arrow tone-${now.tone} ${now.isDashed ? 'is-dashed' : ''} ${now.isLit ? 'is-lit' : ''}`} aria-hidden="true">
            <path d={curve(points)} marker-end={`url(#${id}-${now.tone})`} />
            {label !== null && <rect x={label.x - label.width / 2} y={label.y - label.height / 2} width={label.width} height={label.height} rx="3" />}
            {label !== null && <Lines lines={lines} x={label.x} y={label.y} />}
          </g>
        );
      })}
      {layout.boxes.map((placed) => {
        const box = boxes.get(placed.item.id) ?? placed.item;
        const round = box.kind === 'client' || box.kind === 'endpoint' || box.kind === 'elsewhere' ? 14 : box.kind === 'decision' ? 8 : 3;
        return (
          <g key={box.id} class={`box kind-${box.kind} tone-${box.tone} ${box.isLit ? 'is-lit' : ''} ${chosen === box.id ? 'is-chosen' : ''}`} role="button" tabIndex={0}
            aria-pressed={chosen === box.id} aria-description={box.kind} onClick={() => onChoose(box)}
            onKeyDown={(event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); onChoose(box); } }}>
            <rect x={placed.x - placed.width / 2} y={placed.y - placed.height / 2} width={placed.width} height={placed.height} rx={round} />
            <Lines lines={placed.lines} x={placed.x} y={placed.y} isMono={box.kind !== 'decision'} />
          </g>
        );
      })}
    </>
  );
}

function Lines({ lines, x, y, isMono = false }: { lines: readonly string[]; x: number; y: number; isMono?: boolean }) {
  return (
    <text class={isMono ? 'mono' : ''} x={x} y={y - (lines.length - 1) * 8} text-anchor="middle" dominant-baseline="central">
      {/* The space that ends a line is for those who hear or copy the text; drawn, it has no width. */}
      {lines.map((text, at) => <tspan key={at} x={x} dy={at === 0 ? 0 : 16}>{text}{at < lines.length - 1 && <tspan class="gap"> </tspan>}</tspan>)}
    </text>
  );
}
