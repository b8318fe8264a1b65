/** CodeMAD's own icons; everything else comes from JupyterLab. */
import { LabIcon } from '@jupyterlab/ui-components';

/** Two brackets around a spark. */
export const logoIcon = new LabIcon({
  name: 'codemad-jupyter:logo',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <g fill="none" class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
    <path d="M8.500 5.500 2.500 12l6 6.500" class="jp-icon3" stroke="#616161"/>
    <path d="m15.500 5.500 6 6.500-6 6.500" class="jp-icon3" stroke="#616161"/>
  </g>
  <path class="jp-icon3 codemad-spark" fill="#616161" d="M12 7.500c.5 2.900 1.600 4 4.500 4.500-2.900.5-4 1.600-4.500 4.500-.5-2.900-1.600-4-4.500-4.500 2.900-.5 4-1.600 4.500-4.500z"/>
</svg>`
});

export const sendIcon = new LabIcon({
  name: 'codemad-jupyter:send',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M12 3.600 4.800 10.800l1.700 1.700 4.300-4.300V20.400h2.400V8.200l4.300 4.300 1.700-1.700z"/>
</svg>`
});

/** A lens with a cross line of text: a cell that is explained. */
export const explainIcon = new LabIcon({
  name: 'codemad-jupyter:explain',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-7l-5 4v-4H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm0 2v11h6v2l2.500-2H20V5zm3 2.500h10v2H7zm0 4h7v2H7z"/>
</svg>`
});

/** An eye: what somebody else gets to see. */
export const eyeIcon = new LabIcon({
  name: 'codemad-jupyter:eye',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M12 5c5 0 9 4.500 10 7-1 2.500-5 7-10 7S3 14.500 2 12c1-2.500 5-7 10-7zm0 2c-3.600 0-6.600 3-7.800 5 1.200 2 4.200 5 7.800 5s6.600-3 7.800-5c-1.200-2-4.200-5-7.800-5zm0 2a3 3 0 1 1 0 6 3 3 0 0 1 0-6z"/>
</svg>`
});

/** A padlock: what the administrator set. */
export const lockIcon = new LabIcon({
  name: 'codemad-jupyter:lock',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M12 2a5 5 0 0 1 5 5v3h1a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2h1V7a5 5 0 0 1 5-5zm0 2a3 3 0 0 0-3 3v3h6V7a3 3 0 0 0-3-3zm0 9.500a1.800 1.800 0 0 0-1 3.300V19h2v-2.200a1.800 1.800 0 0 0-1-3.300z"/>
</svg>`
});

/** A line from which another goes off: branches of a conversation. */
export const branchIcon = new LabIcon({
  name: 'codemad-jupyter:branch',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M7 2a3 3 0 0 1 1 5.800v8.400A3 3 0 1 1 6 16.200V7.800A3 3 0 0 1 7 2zm10 3a3 3 0 0 1 1 5.800c-.2 3.700-3.200 4.300-5.700 4.700-1 .2-1.900.3-2.600.7l-.9-1.800c1-.5 2.100-.7 3.200-.8 2.300-.4 3.800-.7 4-2.800A3 3 0 0 1 17 5z"/>
</svg>`
});

/** A pin: what stays above the others. */
export const pinIcon = new LabIcon({
  name: 'codemad-jupyter:pin',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M8 2h8v2l-1 1v5l3 4v2h-5v6l-1 1-1-1v-6H6v-2l3-4V5L8 4z"/>
</svg>`
});

/** A wrench: a cell that is mended. */
export const fixIcon = new LabIcon({
  name: 'codemad-jupyter:fix',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="m21.700 18.600-8.500-8.500c.8-2.200.3-4.700-1.500-6.400C9.800 1.800 7 1.400 4.700 2.400l4 4-2.800 2.800-4.100-4C.7 7.500 1.200 10.300 3.100 12.200c1.700 1.700 4.200 2.200 6.400 1.500l8.500 8.500c.4.4 1 .4 1.400 0l2.200-2.200c.5-.4.5-1 .1-1.400z"/>
</svg>`
});

/** A shield with a tick: a notebook that is run again to prove what it says. */
export const proveIcon = new LabIcon({
  name: 'codemad-jupyter:prove',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M12 2 4 5v6c0 5 3.400 9.600 8 11 4.600-1.400 8-6 8-11V5zm0 2.100 6 2.300V11c0 3.900-2.500 7.600-6 8.900-3.500-1.300-6-5-6-8.900V6.400zm3.600 4.500L11 13.200l-2.100-2.100-1.400 1.400 3.500 3.500 6-6z"/>
</svg>`
});

/** A tree of three: who works for whom. */
export const agentsIcon = new LabIcon({
  name: 'codemad-jupyter:agents',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M12 2a3 3 0 0 1 1 5.830V11h5a2 2 0 0 1 2 2v3.170a3 3 0 1 1-2 0V13h-5v3.170a3 3 0 1 1-2 0V13H6v3.170a3 3 0 1 1-2 0V13a2 2 0 0 1 2-2h5V7.830A3 3 0 0 1 12 2z"/>
</svg>`
});
