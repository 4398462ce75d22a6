metadata description = 'The image that the app runs now, so that provisioning again does not put the first one back.'

@description('Name of the container app.')
param name string

@description('Whether it exists.')
param exists bool

@description('What to run where it does not exist yet.')
param otherwise string

resource app 'Microsoft.App/containerApps@2026-01-01' existing = if (exists) {
  name: name
}

output image string = exists ? app!.properties.template.containers[0].image : otherwise
