// Text as people see it. Names and rule comments come from the cluster and may be hostile.

// Control characters, zero-width ones, and those that turn the direction of writing: none of them may hide in a name.
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]|[\u{e0000}-\u{e007f}]/gu;

/** The text with every character that would not be seen written as its code point. */
export function visible(text: string): string {
  return text.replace(hidden, (character) => `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** A share or probability: a plain fraction where it is one, else per cent. */
export function share(value: number): string {
  if (value === 0 || value === 1)
    return String(value);
  for (let parts = 2; parts <= 100; parts++)
    if (Math.abs(value * parts - 1) < 1e-4)
      return `1/${parts}`;
  return percent(value);
}

export function percent(value: number): string {
  const shown = value * 100;
  return `${shown >= 99.95 || shown < 0.05 || Math.abs(shown - Math.round(shown)) < 0.05 ? Math.round(shown) : shown.toFixed(1)} %`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

export function bytes(number: number): string {
  if (number < 1024)
    return count(number, 'byte');
  const units = ['KiB', 'MiB', 'GiB'];
  let value = number / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function rate(perSecond: number): string {
  return `${perSecond >= 100 ? Math.round(perSecond).toLocaleString('en') : perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1)}/s`;
}

/** A path without its folders: a reader looks for the file, and the whole is in the tooltip. */
export function shortPath(path: string): string {
  return path.replace(/^.*\/(?=[^/]+$)/, '');
}

/** The text as the beginning of a sentence. Names such as externalTrafficPolicy, commands and places of rules stay as they are written. */
export function capital(text: string): string {
  return /^([a-z]+[A-Z]|(kubectl|ip|ip6?tables|nft|sysctl|portolan|systemctl) |\S+ \S+ rule \d)/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

export function time(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime()))
    return iso;
  return at.toDateString() === new Date().toDateString() ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

/** Breaks a line at spaces so that no piece is longer than `most`, where that is possible. */
export function wrap(text: string, most: number): string[] {
  const lines: string[] = [];
  for (const given of text.split('\n')) {
    let line = '';
    for (const word of given.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > most) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
}
