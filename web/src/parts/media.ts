import { useEffect, useState } from 'preact/hooks';

/** Whether the window is as narrow as a phone's. */
export function useNarrow(): boolean {
  return useMedia('(max-width: 719px)');
}

/** True while the page is printed: what is virtual on screen must be whole on paper. */
export function usePrinting(): boolean {
  return useMedia('print');
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const changed = () => setMatches(media.matches);
    changed();
    media.addEventListener('change', changed);
    return () => media.removeEventListener('change', changed);
  }, [query]);
  return matches;
}
