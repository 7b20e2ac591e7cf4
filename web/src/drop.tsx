// A file dropped anywhere on the page is read by the server, in memory only, and looked at.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, post } from './api';
import { format } from './router';
import { announcement, rememberDropped } from './store';
import { bytes, count } from './text';
import type { DropAnswer } from './types';

const most = 64 * 1024 * 1024;

export const dropState = signal<{ isReading: boolean; name: string; error: string | null; messages: readonly string[] }>(
  { isReading: false, name: '', error: null, messages: [] });

export async function readFile(file: Blob, name: string): Promise<void> {
  if (file.size > most) {
    dropState.value = { isReading: false, name, error: `${name} has ${bytes(file.size)}; at most ${bytes(most)} are read.`, messages: [] };
    location.hash = format('drop', {});
    return;
  }
  dropState.value = { isReading: true, name, error: null, messages: [] };
  try {
    const answer = await post<DropAnswer>('/api/drop', file, { 'Content-Type': 'application/octet-stream', 'X-File-Name': encodeURIComponent(name) });
    rememberDropped(answer.source, answer.name);
    dropState.value = { isReading: false, name, error: null, messages: answer.messages };
    announcement.value = `${answer.name} was read: ${count(answer.services, 'service')}.`;
    location.hash = format('services', { source: answer.source });
  } catch (error) {
    dropState.value = { isReading: false, name, error: error instanceof ApiError ? error.message : String(error), messages: [] };
    location.hash = format('drop', {});
  }
}

const isOver = signal(false);

export function DropTarget() {
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.some((type) => type === 'Files' || type === 'text/plain') ?? false;
    const over = (event: DragEvent) => {
      if (!hasFiles(event))
        return;
      event.preventDefault();
      isOver.value = true;
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null)
        isOver.value = false;
    };
    const drop = (event: DragEvent) => {
      isOver.value = false;
      const file = event.dataTransfer?.files[0];
      const text = event.dataTransfer?.getData('text/plain') ?? '';
      if (file !== undefined) {
        event.preventDefault();
        void readFile(file, file.name);
      } else if (text !== '' && !(event.target instanceof HTMLTextAreaElement) && !(event.target instanceof HTMLInputElement)) {
        event.preventDefault();
        void readFile(new Blob([text]), 'dropped text');
      }
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, []);
  const { isReading, name } = dropState.value;
  return (
    <>
      {isOver.value && <div class="drop-over" aria-hidden="true"><p>Drop it: an <code>iptables-save</code>, <code>nft list ruleset</code>, a listing, a ticket</p></div>}
      {isReading && <div class="drop-reading" role="status"><span class="loading-bar" aria-hidden="true" />Reading {name} …</div>}
    </>
  );
}
