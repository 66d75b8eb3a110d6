export class GlobeView { constructor() { throw new Error("soon"); } }
