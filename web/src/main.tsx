import { Fragment, options, render, type VNode } from 'preact';
import { App } from './app';
import { startLive } from './live';
import { startRouter } from './router';
import { visible } from './text';
import { startTheme } from './theme';
import './styles/base.css';
import './styles/frame.css';
import './styles/parts.css';
import './styles/home.css';
import './styles/picture.css';
import './styles/screens.css';
import './styles/print.css';

// Every text that reaches the page passes here, so that no screen can forget to make hidden characters visible.
const shown = ['title', 'aria-label', 'alt', 'placeholder', 'label'];
const before = options.vnode;
options.vnode = (vnode: VNode) => {
  if (typeof vnode.type === 'string' || vnode.type === Fragment) {
    const props = vnode.props as Record<string, unknown>;
    props['children'] = seen(props['children']);
    for (const name of shown)
      if (typeof props[name] === 'string')
        props[name] = visible(props[name]);
  }
  before?.(vnode);
};

function seen(children: unknown): unknown {
  return typeof children === 'string' ? visible(children) : Array.isArray(children) ? children.map(seen) : children;
}

startTheme();
startRouter();
startLive();
render(<App />, document.getElementById('app')!);
