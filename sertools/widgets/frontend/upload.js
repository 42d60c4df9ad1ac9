// The upload of sound from the page to Python.

const PATIENCE = 600; // seconds; a long file takes its time

// Bring bytes to Python in pieces, have them scored, and give its answer.
export async function upload(ask, blob, piece, facts) {
  const transfer = Math.random().toString(36).slice(2);
  for (let start = 0; start === 0 || start < blob.size; start += piece) {
    const bytes = await blob.slice(start, start + piece).arrayBuffer();
    await ask({ ask: "piece", transfer, start }, { buffers: [bytes], patience: 60 });
  }
  return ask({ ask: "score", transfer, ...facts }, { patience: PATIENCE });
}

// Decode what the browser knows and libsndfile doesn't: m4a, webm and others.
export async function decoded(file) {
  const decoder = new OfflineAudioContext(1, 1, 48000);
  const sound = await decoder.decodeAudioData(await file.arrayBuffer());
  const mono = new Float32Array(sound.length);
  for (let k = 0; k < sound.numberOfChannels; k++) {
    sound.getChannelData(k).forEach((sample, at) => {
      mono[at] += sample / sound.numberOfChannels;
    });
  }
  return { samples: new Blob([mono]), rate: sound.sampleRate };
}
