// Keys that work on every screen.
import { useEffect } from 'preact/hooks';
import { go, route } from './router';
import { helpWord } from './store';

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
}

export function useKeys(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null)
        return;
      if (event.key === 'Escape') {
        if (isTyping(event.target))
          (event.target as HTMLElement).blur();
        else if (route.value.screen !== 'services')
          go('services');
        return;
      }
      if (isTyping(event.target))
        return;
      if (event.key === '/') {
        event.preventDefault();
        const search = document.querySelector<HTMLInputElement>('input[type=search]');
        if (search !== null)
          search.focus();
        else
          go('services', { focus: 'search' });
      } else if (event.key === '?') {
        helpWord.value = '';
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}
