// The fields of a packet: what the form shows and what `trace` is asked.

export interface Field {
  name: string;
  label: string;
  hint: string;
  choices?: readonly string[];
}

export const main: readonly Field[] = [
  { name: 'src', label: 'Client', hint: 'pod, outside, node, or an address' },
  { name: 'dst', label: 'Destination', hint: 'a service, address or node port' },
  { name: 'dport', label: 'Port', hint: 'the service’s' },
  { name: 'proto', label: 'Protocol', hint: '', choices: ['', 'tcp', 'udp', 'sctp', 'icmp'] },
];

export const more: readonly Field[] = [
  { name: 'sport', label: 'Source port', hint: 'any' },
  { name: 'state', label: 'Connection state', hint: '', choices: ['', 'new', 'established', 'related', 'invalid'] },
  { name: 'tcp-flags', label: 'TCP flags', hint: 'syn' },
  { name: 'mark', label: 'Mark', hint: '0x0' },
  { name: 'in', label: 'Comes in by', hint: 'eth0' },
  { name: 'out', label: 'Leaves by', hint: 'cni0' },
  { name: 'uid', label: 'User of the sender', hint: 'number' },
  { name: 'gid', label: 'Group of the sender', hint: 'number' },
  { name: 'affinity', label: 'Remembered endpoint', hint: '10.0.0.1:80' },
  { name: 'pod-cidr', label: 'Pods’ range', hint: '10.244.0.0/16' },
];

export const flags = [
  { name: 'reply', label: 'Follow the reply back' },
  { name: 'from-node', label: 'Sent by this node itself' },
] as const;

const names = [...main, ...more, ...flags].map((field) => field.name);

/** What of the route's parameters concerns the packet, and null when it is not one yet. */
export function question(params: Readonly<Record<string, string>>): Record<string, string> | null {
  const asked = Object.fromEntries(names.filter((name) => (params[name] ?? '') !== '').map((name) => [name, params[name]!]));
  return asked['src'] === undefined || asked['dst'] === undefined ? null : asked;
}

export interface Settling {
  /** The form's fields that would settle it, in order; none where only more input would. */
  fields: Field[];
  text: string;
}

/** Options that the answer names become fields of the form: "--in IFACE, or …" asks for the field "in". */
export function settling(text: string): Settling {
  const asked = [...text.matchAll(/--([a-z-]+)/g)].map((match) => match[1]!);
  return { text, fields: asked.map((name) => [...main, ...more].find((field) => field.name === name)).filter((field) => field !== undefined) };
}
