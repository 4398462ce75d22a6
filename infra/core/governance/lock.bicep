metadata description = 'A lock on the whole group: nothing in it can be deleted before the lock is.'

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'tollgate'
  properties: {
    level: 'CanNotDelete'
    notes: 'Set USE_LOCKS=false and delete this lock before `azd down`: provisioning does not take it away.'
  }
}
